"""Table 1: the ImageNet CGN with one of its losses switched off, beside the paper's values.

Our rows are trainings of equal length on this world, scored by a classifier of this world. The directions of
changes can be compared with the paper's, the values cannot.
"""

from collections.abc import Mapping
from typing import Annotated, NamedTuple

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

NonNegative = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Percent = Annotated[float, Field(ge=0, le=100)]

ROWS = {
    "no_shape": "L_shape",
    "no_text": "L_text",
    "no_bg": "L_bg",
    "no_rec": "L_rec",
    "all": "none",
    "biggan": "BigGAN itself (upper bound)",
}
ABLATIONS = [name for name in ROWS if name != "biggan"]  # the rows that were trained
# Inception Score and mu_mask of the paper, all read in a published source.
PAPER = {
    "no_shape": {"inception_score": 85.9, "mask_mean": 0.2},
    "no_text": {"inception_score": 198.4, "mask_mean": 0.9},
    "no_bg": {"inception_score": 195.6, "mask_mean": 0.1},
    "no_rec": {"inception_score": 38.4, "mask_mean": 0.3},
    "all": {"inception_score": 130.2, "mask_mean": 0.3},
    "biggan": {"inception_score": 202.9},
}
# Column -> number of decimals shown.
DECIMALS = {"inception_score": 1, "mask_mean": 3, "mask_entropy": 3, "mask_iou": 2, "background_residue": 1}
TITLES = {
    "inception_score": "Inception Score",
    "mask_mean": "mean mask",
    "mask_entropy": "mask entropy (bits)",
    "mask_iou": "mask IoU",
    "background_residue": "background residue (%)",
}


class AblationScore(BaseModel):
    """One row. `mask_entropy` is in bits, `background_residue` in percent of pixels.

    A GAN has no masks. Without a segmenter, `mask_iou` and `background_residue` are None.
    """

    model_config = ConfigDict(frozen=True)

    inception_score: Annotated[float, Field(ge=1)]
    mask_mean: Fraction | None = None
    mask_entropy: Fraction | None = None
    mask_iou: Fraction | None = None
    background_residue: Percent | None = None


class CGNScore(AblationScore):
    """The score of the CGN that later stages use, and how it was measured."""

    mask_mean: Fraction
    images: int
    splits: int
    truncation: float
    network: str


class Expected(NamedTuple):
    """The paper's effect of switching off a loss: the figure, the sign of its change, and words."""

    figure: str
    sign: int
    effect: str


# The paper has no number for "masks not binary"; here it is the entropy.
EXPECTED = {
    "no_shape": Expected("mask_entropy", 1, "masks are less binary"),
    "no_text": Expected("mask_mean", 1, "the foreground takes over the image"),
    "no_bg": Expected("mask_mean", -1, "the background takes over the image"),
    "no_rec": Expected("inception_score", -1, "images are worse"),
}
_NOTICEABLE = 0.05  # smallest change that counts, as a share of the value with all losses
_COMPARABLE = 0.5  # smallest change that counts as equal, as a share of the paper's change


def table_1(scores: Mapping[str, AblationScore]) -> pd.DataFrame:
    """Table 1, a row for each loss switched off; `paper_*` are NaN if the paper has no value."""
    rows = []
    for name in ROWS:
        figures = scores[name].model_dump(include=set(DECIMALS))
        paper = {f"paper_{figure}": PAPER[name].get(figure) for figure in ("inception_score", "mask_mean")}
        rows.append({"off": name} | {figure: figures[figure] for figure in DECIMALS} | paper)
    frame = pd.DataFrame(rows)
    return frame.astype({name: float for name in frame.columns if name != "off"})


def table_1_side_by_side(table: pd.DataFrame) -> pd.DataFrame:
    """Table 1 for readers: cells are "ours (paper)", losses have their names."""
    cells: dict[str, list[str]] = {"loss switched off": [ROWS[name] for name in table["off"]]}
    for figure, title in TITLES.items():
        paper = table.get(f"paper_{figure}", pd.Series([float("nan")] * len(table)))
        cells[title] = [
            _number(ours, figure) + ("" if pd.isna(theirs) else f" ({theirs:g})")
            for ours, theirs in zip(table[figure], paper, strict=True)
        ]
    return pd.DataFrame(cells)


def verdicts(scores: Mapping[str, AblationScore]) -> list[str]:
    """One sentence for each loss switched off: whether its figure changes as in the paper, and as much."""
    sentences = []
    for name, (figure, sign, effect) in EXPECTED.items():
        before, after = getattr(scores["all"], figure), getattr(scores[name], figure)
        change = sign * (after / before - 1)
        papers = [PAPER[row].get(figure) for row in ("all", name)]
        paper_change = sign * (papers[1] / papers[0] - 1) if papers[0] and papers[1] else 0.0
        agrees = "as in the paper"
        if change <= _NOTICEABLE:
            agrees = "not as in the paper"
        elif change < _COMPARABLE * paper_change:
            agrees = f"less than in the paper, where it changes by {paper_change:.0%}"
        told = f"{TITLES[figure]} {_number(before, figure)} to {_number(after, figure)}"
        sentences.append(f"Without {ROWS[name]}: {told}; {agrees} ({effect}).")
    return sentences


def table_1_legend(score: CGNScore) -> str:
    """The legend of Table 1; `score` tells how the scores were measured."""
    judge, of_masks = "No segmenter judges masks. ", ""
    if score.mask_iou is not None and score.background_residue is not None:
        judge = "Mask IoU and background residue are judged by a segmenter that the training has not seen. "
        of_masks = f", mask IoU {score.mask_iou:.2f}, background residue {score.background_residue:.1f} %"
    return (
        f'Ours (the paper\'s, on ImageNet). Inception Score: under the classifier "{score.network}" of this '
        f"world, {score.images:,} images, {score.splits} splits, truncation {score.truncation:g}; at most "
        f"the number of its classes (the paper: Inception v3, 1,000 classes). {judge}"
        "The score does not tell whether shape, texture and background are apart: a loss whose removal raises"
        " it may still be needed. All rows are trainings of one length; the CGN of all other results is"
        f" trained longer: Inception Score {score.inception_score:.1f}, mean mask"
        f" {score.mask_mean:.2f}{of_masks}."
    )


def _number(value: float, figure: str) -> str:
    return "\u2013" if pd.isna(value) else f"{value:.{DECIMALS[figure]}f}"
