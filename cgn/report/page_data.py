"""What the page's script shows, as JSON values: worlds to mix and charts; and pictures inside the page."""

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from cgn.evaluation.mix_and_match import World
from cgn.methods.registry import METHODS
from cgn.report.chart_style import DARK, MOST_POINTS
from cgn.report.charts import GENERATOR_STYLES
from cgn.report.imagenet_figures import LINES, smoothed, title_of
from cgn.report.imagenet_scores import CLASSIFIERS
from cgn.report.names import METHOD_TITLES, VARIANT_TITLES

PIXELS_PER_POINT = 4 / 3  # in CSS; matplotlib writes the size of an SVG in points
QUALITY = 80  # of lossy WebP, for pictures that nothing is computed from


class Picture(NamedTuple):
    """A picture as a data URI, and its size in pixels."""

    uri: str
    width: int
    height: int


def picture(source: Path | NDArray[np.uint8], lossless: bool = False) -> Picture:
    """A picture file, or an image (H, W, channels), for the page; WebP and SVG files stay as they are."""
    if isinstance(source, Path) and source.suffix == ".svg":
        content = source.read_bytes()
        root = ElementTree.fromstring(content)  # noqa: S314 - our own file
        points = (float(root.attrib[side].removesuffix("pt")) for side in ("width", "height"))
        return Picture(_uri(content, "svg+xml"), *(round(size * PIXELS_PER_POINT) for size in points))
    if isinstance(source, Path) and source.suffix == ".webp":
        encoded = source.read_bytes()
        with Image.open(source) as image:
            return Picture(_uri(encoded), *image.size)
    with Image.open(source) if isinstance(source, Path) else Image.fromarray(source) as image:
        buffer = io.BytesIO()
        image.save(buffer, format="WEBP", lossless=lossless, quality=QUALITY, method=4)
        return Picture(_uri(buffer.getvalue()), *image.size)


def _uri(content: bytes, kind: str = "webp") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"


def world(of: World) -> dict[str, Any]:
    """A world to mix: its layers as sprites (a row is a class, a column a noise), and all answers.

    `answers` are flat lists of numbers of `names`: noises x shapes x foregrounds x backgrounds.
    """
    titles = METHOD_TITLES if of.name in VARIANT_TITLES else CLASSIFIERS
    size, noises = of.layers["shape"].shape[2], of.layers["shape"].shape[1]
    return {
        "name": of.name,
        "names": [name.replace("_", " ") for name in of.names],
        "labels": list(of.labels),
        "size": size,
        "noises": noises,
        "layers": {name: picture(_sprites(images), lossless=True).uri for name, images in of.layers.items()},
        "answers": [
            [title, of.answers[method].ravel().tolist()]
            for method, title in titles.items()
            if method in of.answers
        ],
    }


def _sprites(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    classes, noises, size = images.shape[:3]
    colored = np.broadcast_to(images, (*images.shape[:-1], 3))
    return np.ascontiguousarray(colored.swapaxes(1, 2).reshape(classes * size, noises * size, 3))


def training_charts(
    generators: Mapping[str, pd.DataFrame], classifiers: Mapping[str, pd.DataFrame]
) -> list[dict[str, Any]]:
    """The curves of one variant: as `cgn.report.charts.training_curves`, from the same histories."""
    losses = [str(name) for history in generators.values() for name in history.columns if name != "step"]
    charts = []
    for quantity, title in (
        ("validation_accuracy", "Classifiers: accuracy on held-out biased images (%)"),
        ("loss", "Classifiers: training loss"),
    ):
        lines = [
            _line(METHOD_TITLES[method], METHODS[method][2:4], history, "image_passes", quantity)
            for method, history in classifiers.items()
        ]
        charts.append(_chart(title, "images seen", lines))
    for loss in dict.fromkeys(losses):
        lines = [
            _line(name, GENERATOR_STYLES[name], history, "step", loss)
            for name, history in generators.items()
            if loss in history
        ]
        charts.append(_chart(f"Generators: {loss.replace('_', ' ')} loss", "step", lines))
    return charts


def imagenet_charts(
    ablations: Mapping[str, pd.DataFrame], snapshots: Mapping[str, NDArray[Any]]
) -> list[dict[str, Any]]:
    """The mean mask of each ablation, and the score of composites, over the training."""
    scores = pd.DataFrame({name: snapshots[name] for name in ("step", "inception_score")})
    means = [
        _line(title_of(name), LINES[name], history, "step", "mask_mean")
        for name, history in smoothed(ablations).items()
    ]
    score = _line("all losses", LINES["all"], scores, "step", "inception_score")
    return [
        _chart("Mean mask over training, by ablation", "step", means),
        _chart("Inception-style score over training", "step", [score]),
    ]


def _chart(title: str, x: str, lines: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {"title": title, "x": x, "lines": list(lines)}


def _line(name: str, style: Sequence[Any], history: pd.DataFrame, x: str, y: str) -> dict[str, Any]:
    color, dashes = style
    rows = history[[x, y]].dropna().iloc[:: max(1, -(-len(history) // MOST_POINTS))]
    return {
        "name": name,
        "color": [color, DARK.get(color, color)],
        "dash": "" if isinstance(dashes, str) else " ".join(str(2 * length) for length in dashes[1]),
        "points": [[float(f"{a:.6g}"), float(f"{b:.4g}")] for a, b in zip(rows[x], rows[y], strict=True)],
    }
