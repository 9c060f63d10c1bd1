"""Stage `in9`: the accuracy of any classifier on any folder of IN-9 variants, and its BG-Gap."""

import logging
from pathlib import Path
from typing import Annotated

from typer import Option

from stages.command import Models, run, section

_log = logging.getLogger(__name__)


def main(
    model: Models,
    data: Annotated[
        Path, Option(help="folder of <variant>/val/<00_dog .. 08_fish>/*.JPEG", exists=True, file_okay=False)
    ],
    out: Annotated[Path, Option(help="the JSON file to write", dir_okay=False)],
) -> None:
    """Write the accuracies and the background gap of MODEL on IN-9 variants (Xiao et al., 2021)."""
    published = {
        "resnet50_sin": section("assets.resnet50_sin"),
        "resnet50_in_sin": section("assets.resnet50_in_sin"),
    }

    from cgn.data.left_out import why_left_out
    from cgn.evaluation.background_gap import in9_scores
    from cgn.io.assets import Asset
    from cgn.io.files import write_json
    from cgn.networks.by_name import scores_by_model

    resnet50s = {name: Asset(**asset.model_dump()) for name, asset in published.items()}
    if reason := why_left_out(data):
        _log.warning("%s: nothing to score: %s", data, reason)
        scores = {}
    else:
        scores = scores_by_model(model, resnet50s, lambda classifier: in9_scores(classifier, data))
    write_json(out, scores)
    _log.info("the scores are in %s", out)


if __name__ == "__main__":
    run(main)
