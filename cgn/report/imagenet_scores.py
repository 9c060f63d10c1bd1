"""Typed records of the scores of the ImageNet branch, which are checked when read."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from cgn.errors import UserError
from cgn.report.ablation import ROWS, AblationScore, CGNScore, Fraction, Percent

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
    mask_iou: Fraction | None


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
