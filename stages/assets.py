"""`python -m stages.assets [NAME ...]` fetches published weights and data sets. Not a stage of the graph."""

import logging
from typing import Annotated

import typer

from stages.command import run, section

log = logging.getLogger(__name__)


def main(names: Annotated[list[str] | None, typer.Argument(help="all when there are none")] = None) -> None:
    """Fetch the files NAMES of assets.yaml, unless a mirror or the cache has them."""
    assets = dict(section("assets"))

    from cgn.errors import UserError
    from cgn.io.assets import local_file

    if unknown := set(names or ()) - set(assets):
        raise UserError(f"{', '.join(sorted(unknown))}: not one of {', '.join(assets)}")
    for name in names or assets:
        log.info("%s: %s (licence: %s)", name, local_file(assets[name]), assets[name].licence)


if __name__ == "__main__":
    run(main)
