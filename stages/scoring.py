"""Shared by the stages `in9` and `cue_conflict`: their options, and the writing of scores."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from stages.command import section

log = logging.getLogger(__name__)

Models = Annotated[
    list[str],
    typer.Option(
        help="efficientnet_lite0, resnet50_sin, resnet50_in_sin, a torchvision classification model, the "
        "folder of a trained one, FILE.onnx, ARCHITECTURE:FILE or MODULE:FUNCTION; several give "
        "{model: scores}"
    ),
]
Out = Annotated[Path, typer.Option(help="the JSON file to write", dir_okay=False)]


def write_scores(
    models: list[str],
    folder: Path,
    score: Callable[..., dict[str, Any]],
    out: Path,
) -> None:
    """Writes the results of `score` for each of `models` on the images of `folder`, {} if it is left out.

    <out>_skipped.csv lists what is in `folder` and was not scored, if there is any.
    """
    resnet50s = {
        "resnet50_sin": section("assets.resnet50_sin"),
        "resnet50_in_sin": section("assets.resnet50_in_sin"),
    }

    from cgn.io.files import atomic_path, why_left_out, write_json
    from cgn.io.image_folders import Skipped
    from cgn.networks.user_models import scores_by_model

    scores: dict[str, Any] = {}
    skipped = Skipped()
    with atomic_path(out) as temporary:  # at once, so that a place without rights costs no time
        if reason := why_left_out(folder):
            log.warning("%s: nothing to score: %s", folder, reason)
        else:
            scores = scores_by_model(models, resnet50s, lambda classifier: score(classifier, folder, skipped))
        write_json(temporary, scores)
    skipped.report(folder, out.with_name(f"{out.stem}_skipped.csv"))
    log.info("the scores are in %s", out)
