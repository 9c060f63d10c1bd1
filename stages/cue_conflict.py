"""Stage `cue_conflict`: the shape bias of any classifier on any folder of cue-conflict stimuli."""

import logging
from pathlib import Path
from typing import Annotated

from typer import Option

from stages.command import Models, run, section

_log = logging.getLogger(__name__)


def main(
    model: Models,
    stimuli: Annotated[
        Path, Option(help="folder of <shape>/<shape><n>-<texture><n>.png", exists=True, file_okay=False)
    ],
    out: Annotated[Path, Option(help="the JSON file to write", dir_okay=False)],
) -> None:
    """Write the shape bias of MODEL on the cue-conflict stimuli of a folder (Geirhos et al., 2019)."""
    published = {
        "resnet50_sin": section("assets.resnet50_sin"),
        "resnet50_in_sin": section("assets.resnet50_in_sin"),
    }

    from cgn.data.left_out import why_left_out
    from cgn.evaluation.shape_bias import shape_bias_scores
    from cgn.io.assets import Asset
    from cgn.io.files import write_json
    from cgn.networks.by_name import scores_by_model

    resnet50s = {name: Asset(**asset.model_dump()) for name, asset in published.items()}
    if reason := why_left_out(stimuli):
        _log.warning("%s: nothing to score: %s", stimuli, reason)
        scores = {}
    else:
        scores = scores_by_model(model, resnet50s, lambda classifier: shape_bias_scores(classifier, stimuli))
    write_json(out, scores)
    _log.info("the scores are in %s", out)


if __name__ == "__main__":
    run(main)
