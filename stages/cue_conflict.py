"""Stage `cue_conflict`: the shape bias of any classifier on any folder of cue-conflict stimuli."""

from pathlib import Path
from typing import Annotated

from typer import Option

from stages.command import run
from stages.scoring import Models, Out, write_scores


def main(
    model: Models,
    stimuli: Annotated[
        Path, Option(help="folder of <shape>/<shape><n>-<texture><n>.png", exists=True, file_okay=False)
    ],
    out: Out,
) -> None:
    """Write the shape bias of MODEL on the cue-conflict stimuli of a folder (Geirhos et al., 2019)."""
    from cgn.evaluation.shape_bias import shape_bias_scores

    write_scores(model, stimuli, shape_bias_scores, out)


if __name__ == "__main__":
    run(main, in_ranks=True)
