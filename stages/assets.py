"""`python -m stages.assets [NAME ...]` fetches published weights and data sets. Not a stage of the graph."""

import logging
from typing import Annotated

import typer

from stages.command import run, section

log = logging.getLogger(__name__)


def main(
    names: Annotated[
        list[str] | None, typer.Argument(help="all with a known sha256 if there are none")
    ] = None,
    unverified: Annotated[bool, typer.Option("--unverified", help="NAMES may lack a known sha256")] = False,
) -> None:
    """Fetch the files NAMES of assets.yaml, unless a mirror or the cache has them."""
    assets = dict(section("assets"))

    from cgn.errors import UserError
    from cgn.io.assets import local_file

    if unknown := set(names or ()) - set(assets):
        raise UserError(f"{', '.join(sorted(unknown))}: not one of {', '.join(assets)}")
    known = [name for name, asset in assets.items() if asset.sha256]
    if left_out := set(assets) - set(names or known):
        log.info("not fetched: %s", ", ".join(name for name in assets if name in left_out))
    for name in names or known:
        path = local_file(assets[name], unverified=unverified and bool(names))
        log.info("%s: %s (licence: %s)", name, path, assets[name].licence)


if __name__ == "__main__":
    run(main)
