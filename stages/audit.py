"""`python -m stages.audit`: how much a classifier leans on backgrounds. Not a stage of the graph."""

import logging
from functools import partial
from pathlib import Path
from typing import Annotated

from typer import Option

from stages.command import run_anywhere, section

log = logging.getLogger(__name__)


def main(
    model: Annotated[
        str,
        Option(help="published name, folder of a trained one, FILE.onnx, ARCHITECTURE:FILE, MODULE:FUNCTION"),
    ],
    photos: Annotated[Path, Option(help="folder of <class>/*.jpg that the classifier was not trained on")],
    out: Annotated[Path, Option(help="the folder to write")],
    classes: Annotated[
        Path | None, Option(help="CSV file output,class: the photos' class of each output", dir_okay=False)
    ] = None,
    masks: Annotated[
        Path | None,
        Option(help="folder of your masks, <class>/<name>.png, white objects", file_okay=False),
    ] = None,
    most: Annotated[int, Option(min=10, help="at most so many photos, balanced over the classes")] = 1000,
) -> None:
    """Score MODEL on composites of PHOTOS: background gap, background-only accuracy and shape bias."""
    seed, how = section("seed"), section("imagenet.saliency")
    params, patches = section("imagenet.abduction.factors"), section("imagenet.abduction.texture")
    u2netp = section("assets.u2netp")
    resnet50s = {name: section(f"assets.{name}") for name in ("resnet50_sin", "resnet50_in_sin")}

    from cgn.data.photos.layouts import photo_root
    from cgn.evaluation.audit import audit, audited
    from cgn.generators.photos.user_photos import factors_of_photos, photos_by_class
    from cgn.generators.pretraining.published import saliency_of
    from cgn.io.files import located, new_folder
    from cgn.io.image_folders import Skipped
    from cgn.report.audit import write_audit

    photos = located(str(photos))
    with new_folder(out, "audit.json") as folder:
        root, skipped = photo_root(photos), Skipped()
        by_class = photos_by_class(photos, root, skipped)
        found = audited(model, resnet50s, list(by_class), classes)
        size, saliency = found.classifier.resolution, partial(saliency_of, u2netp, how)
        factors = factors_of_photos(by_class, root, size, most, masks, saliency, params, skipped)
        scores = audit(found, factors, list(by_class), patches, folder, seed)
        write_audit(folder, found.name, scores, factors)
    skipped.report(root, out / "skipped.csv")
    log.info("the page is %s", out / "index.html")


if __name__ == "__main__":
    run_anywhere("audit", {"audit": main})
