"""Figure 6 in the report: what the latents of VAEs and a GAN tell and change, with pictures."""

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from cgn.errors import UserError
from cgn.report.ablation import Percent
from cgn.report.chart_style import INK, STYLE, svg
from cgn.report.contact_sheets import arrange, contact_sheet
from cgn.report.imagenet import Table
from cgn.report.scores import validated

POINTS = 1000  # of the chart
# Name in the scores -> the model, and what moves.
ROWS = {
    "vae_2": ("beta-VAE, 2 latents", "latents, in any direction"),
    "vae_10": ("beta-VAE, 10 latents", "latents, in any direction"),
    "gan": ("plain GAN", "noise, in any direction"),
    "cgn_color": ("CGN", "do(foreground)"),
    "cgn_shape": ("CGN", "do(shape)"),
    "images": ("training images", "one image to another"),
}
LEGEND = (
    "Colored MNIST. Read from latents: percent of test images with random cues whose colour class (shape)"
    " is that of most of the 15 nearest of 2,000 other images in the latents, in the best single latent"
    " and in all together; 10 is chance. Changes: percent of the steps, of 1.5 or 3 standard deviations in"
    " 32 directions, after which the image has another colour class (digit). Alone: percent of these after"
    " which the other factor is as before, over all directions, and in the best of the directions that"
    " change the factor in a quarter of the steps; half of the starting points choose it, the other half"
    " score it. Reached alone: of the nine other colour classes (digits), the number that any of these"
    " steps reaches while the other factor is as before, mean over starting points. The colour class is"
    " the nearest of the ten mean colours ({color:.1f} % right on test images, because the classes'"
    " colours overlap), the digit what the oracle reads ({shape:.1f} %). From one training image to"
    " another both factors change: what is alone there is the readers' error."
)


class Changes(BaseModel):
    """How often steps change a factor (percent), how often alone, and how many classes are reached so."""

    model_config = ConfigDict(frozen=True)

    changes: Percent
    alone: Percent | None
    alone_best: Percent | None
    reached: Annotated[float, Field(ge=0, le=9)]


class LatentScore(BaseModel):
    """The scores of one model."""

    model_config = ConfigDict(frozen=True)

    color: Changes
    shape: Changes
    told: dict[str, dict[str, Percent]] | None = None  # by factor and latent, or "all"


def parse_latents(value: Any, source: str) -> dict[str, LatentScore]:
    """Checks the models' scores. Raises UserError, which names the file `source`, when one is missing."""
    scores = {name: score for name, score in value.items() if name != "readers"}
    if missing := [name for name in ROWS if name not in scores]:
        raise UserError(f"{source}: no scores for {', '.join(missing)}; run dvc repro")
    return validated(TypeAdapter(dict[str, LatentScore]), scores, source)


def parse_readers(value: Any, source: str) -> dict[str, float]:
    """Checks the accuracies of the readers of "color" and "shape", as `parse_latents`."""
    return validated(TypeAdapter(dict[str, Percent]), value.get("readers"), source)


def metrics(scores: Mapping[str, LatentScore]) -> dict[str, Any]:
    """The entries of Colored MNIST in reports/metrics.json, by model."""
    return {name: score.model_dump(exclude_none=True) for name, score in scores.items()}


def latents_table(scores: Mapping[str, LatentScore], readers: Mapping[str, float]) -> Table:
    """The numbers behind Figure 6, a row for each model."""
    rows, cells = [], []
    for name, (model, moved) in ROWS.items():
        values: dict[str, Any] = {"model": name}
        row = {"model": model, "what moves": moved}
        for factor, title in (("color", "colour"), ("shape", "shape")):
            changes: Changes = getattr(scores[name], factor)
            told = (scores[name].told or {}).get(factor, {})
            single = max((value for of, value in told.items() if of != "all"), default=None)
            row |= {
                f"{title} read from one latent / all": f"{_cell(single)} / {_cell(told.get('all'))}",
                f"changes {title}": _cell(changes.changes),
                f"{title} alone, mean / best": f"{_cell(changes.alone)} / {_cell(changes.alone_best)}",
                f"{title}s reached alone": _cell(changes.reached),
            }
            values |= {f"{factor}_best_latent": single, f"{factor}_all_latents": told.get("all")}
            values |= {f"{factor}_{of}": value for of, value in changes.model_dump().items()}
        rows.append(values)
        cells.append(row)
    title = "Figure 6: do colour and shape vary apart?"
    return Table("figure_6", title, pd.DataFrame(rows), pd.DataFrame(cells), LEGEND.format(**readers))


def _cell(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def plane_chart(pictures: Mapping[str, NDArray[Any]]) -> str:
    """The plane of two latents as SVG text: a point for each image, in its class's colour."""
    means, labels = pictures["means"][:POINTS], pictures["labels"][:POINTS]
    colors = pictures["colors"] / 255
    with rc_context(STYLE):
        figure = Figure(figsize=(5.4, 5.2))
        axis: Any = figure.add_axes((0.11, 0.1, 0.86, 0.86))
        edge = {"linewidths": 0.3, "edgecolors": INK}
        axis.scatter(means[:, 0], means[:, 1], s=14, c=colors[labels], **edge)
        for label in np.unique(labels):
            middle = np.median(means[labels == label], axis=0)
            box = {"boxstyle": "circle,pad=0.15", "facecolor": "#ffffff", "edgecolor": "none", "alpha": 0.85}
            axis.text(*middle, str(label), ha="center", va="center", fontsize=11, color="#111111", bbox=box)
        axis.set(xlabel="latent 1", ylabel="latent 2")
        axis.tick_params(length=0)
        return svg(figure)


def traversal_sheet(pictures: Mapping[str, NDArray[Any]]) -> NDArray[np.uint8]:
    """Figure 6 as a sheet: the plane of the first VAE decoded, traversals of all models, and the CGN."""

    def rows_of(name: str, title: str, kind: str) -> NDArray[np.uint8]:
        images = pictures[f"traversals_{name}"]
        return contact_sheet(images, [f"{kind} {row + 1}" for row in range(len(images))], title=title)

    cgn = np.stack([pictures["cgn_color"], pictures["cgn_shape"]])
    names = ["do(foreground)", "do(shape)"]
    return arrange(
        [
            [
                contact_sheet(pictures["plane"], title="beta-VAE, 2 latents: the plane, decoded", scale=1),
                rows_of("vae_2", "beta-VAE, 2 latents: one latent moves", "latent"),
            ],
            [
                rows_of("vae_10", "beta-VAE, 10 latents: one of the four widest moves", "widest"),
                rows_of("gan", "plain GAN: one of four noises moves", "noise"),
            ],
            [contact_sheet(cgn, names, title="CGN: one mechanism is told another class")],
        ]
    )
