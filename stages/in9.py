"""Stage `in9`: the accuracy of any classifier on any folder of IN-9 variants, and its BG-Gap."""

from pathlib import Path
from typing import Annotated

from typer import Option

from stages.command import run
from stages.scoring import Models, Out, write_scores


def main(
    model: Models,
    data: Annotated[
        Path, Option(help="folder of <variant>/val/<00_dog .. 08_fish>/*.JPEG", exists=True, file_okay=False)
    ],
    out: Out,
) -> None:
    """Write the accuracies and the background gap of MODEL on IN-9 variants (Xiao et al., 2021)."""
    from cgn.evaluation.background_gap import in9_scores

    write_scores(model, data, in9_scores, out)


if __name__ == "__main__":
    run(main, in_ranks=True)
