"""Stage `in9`: the accuracy of any classifier on any folder of IN-9 variants, and its BG-Gap."""

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
    data: Annotated[
        Path, Option(help="folder of <variant>/val/<00_dog .. 08_fish>/*.JPEG", exists=True, file_okay=False)
    ],
    out: Annotated[Path, Option(help="the JSON file to write", dir_okay=False)],
) -> None:
    """Write the accuracies and the background gap of MODEL on IN-9 variants (Xiao et al., 2021)."""
    from cgn.common.files import write_json
    from cgn.imagenet.classifiers.by_name import load_image_classifier
    from cgn.imagenet.evaluation.background_gap import in9_scores

    scores = {Path(name).name: in9_scores(load_image_classifier(name), data) for name in model}
    write_json(out, scores if len(model) > 1 else next(iter(scores.values())))
    _log.info("the scores are in %s", out)


if __name__ == "__main__":
    run(main)
