"""Tables 1, 3 and 4 of the ImageNet branch: this world's scores beside the paper's on ImageNet.

The worlds differ, so signs and the order of rows can be compared, but values cannot.
"""

from typing import Any, NamedTuple

import pandas as pd

from cgn.report.ablation import table_1, table_1_legend, table_1_side_by_side, verdicts
from cgn.report.imagenet_scores import CLASSIFIERS, FactorScores, ImageNetScores, held_out

# In percent. Table 3: shape bias, top-1, top-5. Table 4: original, mixed_same, mixed_rand, BG-Gap.
PAPER_TABLE_3: dict[str, tuple[float | None, float | None, float | None]] = {
    "in": (21.39, 76.13, 92.86),
    "sin": (81.37, 60.18, 82.62),
    "in_sin": (34.65, 74.59, 92.14),
    "ensemble": (None, 74.0, 91.7),
    "shape": (54.8, None, None),
    "texture": (16.7, None, None),
    "background": (22.9, None, None),
}
PAPER_TABLE_4 = {
    "in": (95.6, 86.2, 78.9, 7.3),
    "sin": (89.2, 73.1, 63.7, 9.4),
    "in_sin": (94.7, 85.9, 78.5, 7.4),
    "mixed_rand": (73.3, 71.5, 71.3, 0.2),
    "ensemble": (94.2, 83.4, 80.1, 3.3),
}
_LEGEND = (
    "Ours: a small network on a small world (the paper: ResNet-50 on ImageNet). Two worlds: compare the "
    "order of the rows, not the values. All in percent. "
)
_TABLE_3_LEGEND = _LEGEND + (
    "Shape bias: of the cue-conflict stimuli answered by either cue, those answered by shape. Accuracy: "
    "held-out poses (or photos), and glyphs never seen; shortcuts as in training."
)
_CROPPED = (
    " Cropped: stimuli resized to 256 pixels and cut to 224, as by the paper's released code, for"
    " classifiers of 224 pixels."
)
_TABLE_4_LEGEND = _LEGEND + (
    "Mixed-Same: each object on another background of its class; Mixed-Rand: on one of a random class;"
    " BG-Gap: the first minus the second, in points. "
)
_RANDOM_SURFACES = (
    "In this world's IN-9 an object wears the surface of its class, so surfaces alone can tell the class;"
    " with random surfaces only the shape can, and who has learnt another cue is near chance (11.1) on"
    " Mixed-Rand. "
)
_ROWS = (
    "Trained on: plain, the world's images; restyled, the same in random styles; Mixed-Rand, objects on"
    " others' backgrounds; CGN, counterfactuals, with a head for each label and their mean, the ensemble."
)


class Table(NamedTuple):
    """One table of the report."""

    name: str  # of its files, without ending
    title: str
    frame: pd.DataFrame
    cells: pd.DataFrame  # the table for readers
    legend: str


def tables(scores: ImageNetScores) -> list[Table]:
    """All tables of the ImageNet branch."""
    first, third, fourth = table_1(scores.cgn.ablation), table_3(scores), table_4(scores)
    of_one = "Of one training each, so a small change may be chance:"
    first_legend = " ".join([table_1_legend(scores.cgn.cgn), of_one, *verdicts(scores.cgn.ablation)])
    abducted = _abducted_legend(scores.factors["train"])
    fourth_title = "Table 4: IN-9 and the background gap"
    fourth_legend = _TABLE_4_LEGEND + (_RANDOM_SURFACES if scores.in9_random_surfaces else "") + _ROWS
    return [
        Table("table_1", "Table 1: loss ablation", first, table_1_side_by_side(first), first_legend),
        Table(
            "table_3",
            "Table 3: texture against shape",
            third,
            side_by_side(third),
            _TABLE_3_LEGEND + (_CROPPED if "shape_bias_cropped" in third else "") + abducted,
        ),
        Table("table_4", fourth_title, fourth, side_by_side(fourth), fourth_legend + abducted),
    ]


def _abducted_legend(factors: FactorScores) -> str:
    """What the rows of abduction are trained on, and how good their masks are."""
    told = (
        " Abducted: counterfactuals of the training images themselves, by saliency and in-painting;"
        f" {factors.usable_objects:,} of {factors.photos:,} have a usable mask"
    )
    return told + ("." if factors.mask_iou is None else f", with a mean IoU of {factors.mask_iou:.2f}.")


def table_3(scores: ImageNetScores) -> pd.DataFrame:
    """Table 3, texture against shape, a row for each method; `paper_*` are NaN if the paper has no value.

    `shape_bias_cropped` is that of the second protocol, in worlds that have it.
    """
    rows = []
    for method in scores.methods:
        (main, glyphs), conflict = held_out(scores.accuracy[method]), scores.cue_conflict.get(method)
        second = conflict.resize_and_crop if conflict else None
        ours = (conflict.shape_bias if conflict else None, main.top1, main.top5)
        paper = PAPER_TABLE_3.get(method, (None,) * 3)
        names = ("shape_bias", "top1", "top5")
        rows.append(
            {"method": method}
            | dict(zip(names, ours, strict=True))
            | ({"shape_bias_cropped": second.shape_bias} if second else {})
            | {"top1_held_out_glyphs": glyphs.top1 if glyphs else None}
            | {f"paper_{name}": value for name, value in zip(names, paper, strict=True)}
        )
    return _frame(rows)


def table_4(scores: ImageNetScores) -> pd.DataFrame:
    """Table 4, IN-9, a row for each method; `paper_*` are NaN if the paper has no value.

    `<score>_random_surfaces` are those of the second set, in worlds that have it.
    """
    names = ("original", "mixed_same", "mixed_rand", "bg_gap")
    rows = []
    for method in scores.methods:
        paper = PAPER_TABLE_4.get(method, (None,) * 4)
        rows.append(
            {"method": method}
            | {name: scores.in9.get(method, {}).get(name) for name in names}
            | {
                f"{name}_random_surfaces": scores.in9_random_surfaces[method][name]
                for name in names[1:]
                if method in scores.in9_random_surfaces
            }
            | {f"paper_{name}": value for name, value in zip(names, paper, strict=True)}
        )
    return _frame(rows)


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows)
    return frame.astype({name: float for name in frame.columns if name != "method"})


def side_by_side(table: pd.DataFrame) -> pd.DataFrame:
    """A table for readers: cells are "ours (paper)" with one decimal, methods have their names."""
    names = [name for name in table.columns if name != "method" and not name.startswith("paper_")]
    cells: dict[str, list[str]] = {"trained on": [CLASSIFIERS[method] for method in table["method"]]}
    for name in names:
        paper = table[f"paper_{name}"] if f"paper_{name}" in table else [float("nan")] * len(table)
        cells[name.replace("_", " ")] = [
            _number(ours) if pd.isna(theirs) else f"{_number(ours)} ({_number(theirs)})"
            for ours, theirs in zip(table[name], paper, strict=True)
        ]
    return pd.DataFrame(cells)


def _number(value: float) -> str:
    return "\u2013" if pd.isna(value) else f"{value:.1f}"
