"""Stage `cue_conflict`: the shape bias of any classifier on any folder of cue-conflict stimuli."""

import logging
from pathlib import Path
from typing import Annotated

from typer import Option

from stages.command import run

_log = logging.getLogger(__name__)


def main(
    model: Annotated[
        list[str],
        Option(
            help="efficientnet_lite0, a torchvision classification model, or the folder of a trained one; "
            "several give {model: scores}"
        ),
    ],
    stimuli: Annotated[
        Path, Option(help="folder of <shape>/<shape><n>-<texture><n>.png", exists=True, file_okay=False)
    ],
    out: Annotated[Path, Option(help="the JSON file to write", dir_okay=False)],
) -> None:
    """Write the shape bias of MODEL on the cue-conflict stimuli of a folder (Geirhos et al., 2019)."""
    from cgn.common.files import write_json
    from cgn.imagenet.classifiers.by_name import load_image_classifier
    from cgn.imagenet.evaluation.shape_bias import shape_bias_scores

    scores = {Path(name).name: shape_bias_scores(load_image_classifier(name), stimuli) for name in model}
    write_json(out, scores if len(model) > 1 else next(iter(scores.values())))
    _log.info("the scores are in %s", out)


if __name__ == "__main__":
    run(main)
