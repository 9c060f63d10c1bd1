"""Tables 1, 3 and 4 of the ImageNet branch: this world's scores beside the paper's on ImageNet.

The worlds differ, so signs and the order of rows can be compared, but values cannot.
"""

from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from cgn.errors import UserError
from cgn.report.ablation import (
    ROWS,
    AblationScore,
    CGNScore,
    table_1,
    table_1_legend,
    table_1_side_by_side,
    verdicts,
)

Percent = Annotated[float, Field(ge=0, le=100)]

# The rows, in the paper's order.
CLASSIFIERS = {
    "in": "plain (IN)",
    "sin": "restyled (SIN)",
    "in_sin": "plain + restyled (IN + SIN)",
    "mixed_rand": "Mixed-Rand",
    "ensemble": "IN + CGN: ensemble",
    "shape": "IN + CGN: shape head",
    "texture": "IN + CGN: texture head",
    "background": "IN + CGN: background head",
    "mixed_abducted": "Mixed-Rand, abducted masks",
    "ensemble_abducted": "IN + abducted: ensemble",
    "shape_abducted": "IN + abducted: shape head",
    "texture_abducted": "IN + abducted: texture head",
    "background_abducted": "IN + abducted: background head",
    "oracle": "Oracle (not in the paper)",
}
# These need masks, so a world of photos does not have them.
OF_MASKS = ("sin", "in_sin", "mixed_rand", "oracle")
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
    "held-out poses (or photos), and glyphs never seen; shortcuts as in training. Cropped: stimuli resized "
    "to 256 pixels and cut to 224, as by the paper's released code, for classifiers of 224 pixels."
)
_TABLE_4_LEGEND = _LEGEND + (
    "BG-Gap: Mixed-Same minus Mixed-Rand, in points. In the emoji world's IN-9 an object wears the surface of"
    " its class, which alone can tell the class; random: the same images with surfaces at random."
)


class Table(NamedTuple):
    """One table of the report."""

    name: str  # of its files, without ending
    title: str
    frame: pd.DataFrame
    cells: pd.DataFrame  # the table for readers
    legend: str


class TopAccuracy(BaseModel):
    model_config = ConfigDict(frozen=True)

    top1: Percent
    top5: Percent


class EmojiAccuracy(BaseModel):
    """The accuracies on training glyphs at held-out poses, on held-out glyphs, and under random cues.

    The last is of validation images, for the choice of settings.
    """

    model_config = ConfigDict(frozen=True)

    test_poses: TopAccuracy
    test_glyphs: TopAccuracy
    validation_random_cues: TopAccuracy


class PhotoAccuracy(BaseModel):
    """The accuracies on the test photos of a world of photos."""

    model_config = ConfigDict(frozen=True)

    test_images: TopAccuracy


class CueCounts(BaseModel):
    """Answers to stimuli by shape and by texture; the shape bias in percent, None without any."""

    model_config = ConfigDict(frozen=True)

    shape_bias: Percent | None
    shape_correct: int
    texture_correct: int


class ShapeBias(CueCounts):
    """The published protocol, and that of the paper's released code for classifiers of 224 pixels."""

    images: int
    resize_and_crop: CueCounts | None = None


class FactorScores(BaseModel):
    """The abducted masks of a split: how many are usable, and their mean IoU with the truth if known."""

    model_config = ConfigDict(frozen=True)

    photos: int
    usable_objects: int
    mask_iou: Annotated[float, Field(ge=0, le=1)] | None


class MechanismScores(BaseModel):
    """The scores of the CGN, and of each row of Table 1."""

    model_config = ConfigDict(frozen=True)

    cgn: CGNScore
    ablation: dict[str, AblationScore]


class ImageNetScores(BaseModel):
    """The results of the scoring stages: by method for classifiers, and for the generators.

    A world of photos may have no cue conflict and no IN-9.
    """

    model_config = ConfigDict(frozen=True)

    accuracy: dict[str, EmojiAccuracy] | dict[str, PhotoAccuracy]
    cue_conflict: dict[str, ShapeBias]
    in9: dict[str, dict[str, Any]]  # the variants' accuracies, bg_gap, and images by variant
    in9_random_surfaces: dict[str, dict[str, Any]]  # the same; only emojis have it
    cgn: MechanismScores
    factors: dict[str, FactorScores]  # by split

    @property
    def of_photos(self) -> bool:
        """Whether the world is one of photos."""
        return any(isinstance(score, PhotoAccuracy) for score in self.accuracy.values())

    @property
    def methods(self) -> list[str]:
        """The rows of Tables 3 and 4 that this world can have."""
        return [method for method in CLASSIFIERS if not (self.of_photos and method in OF_MASKS)]

    def metrics(self) -> dict[str, Any]:
        """The section of reports/metrics.json; accuracy is on held-out poses or photos, and on glyphs."""
        accuracy = {}
        for method, score in self.accuracy.items():
            main, glyphs = held_out(score)
            accuracy[method] = main.model_dump()
            if isinstance(score, EmojiAccuracy):
                beside = {"held_out_glyphs": glyphs, "validation_random_cues": score.validation_random_cues}
                accuracy[method] |= {name: own.model_dump() for name, own in beside.items() if own}
        in9, random_surfaces = (
            {
                method: {name: value for name, value in scores.items() if name != "images"}
                for method, scores in found.items()
            }
            for found in (self.in9, self.in9_random_surfaces)
        )
        conflict = {
            method: score.model_dump(exclude_unset=True) for method, score in self.cue_conflict.items()
        }
        of_classifiers = {
            "accuracy": accuracy,
            "cue_conflict": conflict,
            "in9": in9,
            "in9_random_surfaces": random_surfaces,
        }
        factors = {"factors": {split: score.model_dump() for split, score in self.factors.items()}}
        return of_classifiers | self.cgn.model_dump() | factors


def held_out(score: EmojiAccuracy | PhotoAccuracy) -> tuple[TopAccuracy, TopAccuracy | None]:
    """The accuracies on held-out poses or photos, and on held-out glyphs if the world has them."""
    if isinstance(score, PhotoAccuracy):
        return score.test_images, None
    return score.test_poses, score.test_glyphs


def parse_scores(values: Mapping[str, Any], source: str) -> ImageNetScores:
    """Checks the scores in `values`, by the name of their stage; messages name the folder `source`.

    Raises UserError when a method or a field is missing or out of range.
    """
    try:
        scores = TypeAdapter(ImageNetScores).validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{source}: {key}: {first['msg']}; delete the folder and run dvc repro") from None
    methods = scores.methods
    sets = ("cue_conflict", "in9", "in9_random_surfaces")
    rows = dict.fromkeys(("accuracy", *sets), methods) | {"cgn": list(ROWS)}
    for stage, expected in rows.items():
        found = scores.cgn.ablation if stage == "cgn" else getattr(scores, stage)
        if scores.of_photos and stage in sets and not found:
            continue
        if missing := [row for row in expected if row not in found]:
            raise UserError(f"{source}/{stage}.json: no scores for {', '.join(missing)}; run dvc repro")
    return scores


def tables(scores: ImageNetScores) -> list[Table]:
    """All tables of the ImageNet branch."""
    first, third, fourth = table_1(scores.cgn.ablation), table_3(scores), table_4(scores)
    first_legend = " ".join([table_1_legend(scores.cgn.cgn), *verdicts(scores.cgn.ablation)])
    abducted = _abducted_legend(scores.factors["train"])
    fourth_title = "Table 4: IN-9 and the background gap"
    return [
        Table("table_1", "Table 1: loss ablation", first, table_1_side_by_side(first), first_legend),
        Table(
            "table_3",
            "Table 3: texture against shape",
            third,
            side_by_side(third),
            _TABLE_3_LEGEND + abducted,
        ),
        Table("table_4", fourth_title, fourth, side_by_side(fourth), _TABLE_4_LEGEND + abducted),
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
                for name in names[2:]
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
