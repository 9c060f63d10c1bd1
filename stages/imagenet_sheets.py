"""Stage `imagenet_sheets`: the mechanisms' outputs of each class, interpolations, failure cases."""

from pathlib import Path
from unicodedata import normalize

from stages.command import run, section

MOST_CLASSES = 9  # if the parameters name none
CLASSES = Path("data/imagenet/world/classes.json")


def main() -> None:
    """Draw the sheets of appendices D and F with the trained CGN."""
    seed, params = section("seed"), section("imagenet.sheets")
    section("threads")
    candidates = section("budgets.imagenet_sheets").failure_candidates

    from cgn.errors import UserError
    from cgn.io.files import read_json

    names = read_json(CLASSES)
    chosen = [normalize("NFC", name) for name in params.classes or names[:MOST_CLASSES]]
    if unknown := [name for name in chosen if name not in names]:
        raise UserError(f"imagenet.sheets.classes: no class {unknown[0]}; {CLASSES} has the names")

    from cgn.report.imagenet_sheets import write_sheets

    labels = [names.index(name) for name in chosen]
    write_sheets(
        Path("reports/imagenet_sheets"), Path("models/imagenet"), names, labels, params, candidates, seed
    )


if __name__ == "__main__":
    run(main)
