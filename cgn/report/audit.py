"""Writes an audit: audit.json, audit.csv and index.html, a page that holds its images, for use offline."""

import base64
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from cgn.data.class_maps import IN9_VARIANTS
from cgn.evaluation.audit import leaning, table_of
from cgn.generators.photos.factors import Factors
from cgn.io.files import write_json
from cgn.report.contact_sheets import contact_sheet
from cgn.report.tables import MINUS
from cgn.report.template import page_environment

MEANINGS = {
    "original": "the photo",
    "mixed_same": "the object on another photo’s background, of its own class",
    "mixed_rand": "the object on the background of a class drawn at random",
    "mixed_next": "the object on a background of the next class",
    "only_fg": "the object on black",
    "no_fg": "the photo, with the object black",
    "only_bg_b": "the photo, with the object’s box black",
    "only_bg_t": "the photo, with the object’s box filled with background",
}
SHOWN = ("original", "mixed_same", "mixed_rand")
SAMPLES = 8  # photos with and without a usable object


def write_audit(folder: Path, model: str, scores: Mapping[str, Any], factors: Factors) -> None:
    """Writes the scores of `cgn.evaluation.audit.audit` to `folder`, which holds its sets."""
    write_json(folder / "audit.json", {"model": model, **scores})
    table = pd.DataFrame(table_of(scores)).round(2)
    table.to_csv(folder / "audit.csv", index=False, lineterminator="\n")
    page = render_audit(folder, model, scores, factors)
    (folder / "index.html").write_text(page, encoding="utf-8")


def render_audit(folder: Path, model: str, scores: Mapping[str, Any], factors: Factors) -> str:
    """The page as HTML text."""
    environment = page_environment()
    environment.filters["percent"] = _percent
    environment.filters["interval"] = _interval
    flips = [
        flip | {"images": {name: _picture(folder / "in9" / flip["files"][name]) for name in SHOWN}}
        for flip in scores["flips"]
    ]
    overall = scores["in9"]["overall"]
    return environment.get_template("audit.html.j2").render(
        model=model,
        scores=scores,
        overall=overall,
        variants=[(name, MEANINGS[name], overall[name]) for name in IN9_VARIANTS if name in overall],
        classes=leaning(scores),
        chance=100 / max(1, len(scores["in9"]["by_class"])),
        flips=flips,
        samples={
            "usable": _sheet(factors, np.flatnonzero(factors.usable)),
            "unusable": _sheet(factors, np.flatnonzero(~factors.usable)),
        },
    )


def _percent(score: Mapping[str, Any]) -> str:
    return "–" if score["value"] is None else f"{score['value']:.1f}".replace("-", MINUS)


def _interval(score: Mapping[str, Any]) -> str:
    if score["value"] is None:
        return ""
    return f"{score['low']:.1f} to {score['high']:.1f}".replace("-", MINUS)


def _picture(path: Path) -> str:
    """An image file as a data URL, as JPEG, which is a tenth of its PNG."""
    with Image.open(path) as image:
        return _url(image.convert("RGB"), "JPEG", quality=90)


def _sheet(factors: Factors, rows: NDArray[np.intp]) -> str | None:
    """Photos, masks and backgrounds of up to `SAMPLES` of `rows`, spread evenly; None without rows."""
    if not len(rows):
        return None
    chosen = rows[np.linspace(0, len(rows) - 1, min(SAMPLES, len(rows))).round().astype(int)]
    masks = np.repeat(factors.masks[chosen][..., None], 3, axis=-1)
    images = np.stack([factors.images[chosen], masks, factors.backgrounds[chosen]])
    step = max(1, images.shape[2] // 112)
    small = images[:, :, ::step, ::step]
    sheet = contact_sheet(small, row_labels=["photo", "mask", "background"], scale=1)
    return _url(Image.fromarray(sheet), "PNG")


def _url(image: Image.Image, form: str, **options: Any) -> str:
    stream = io.BytesIO()
    image.save(stream, format=form, **options)
    return f"data:image/{form.lower()};base64,{base64.b64encode(stream.getvalue()).decode()}"
