"""Typed records of the scores, which are checked when read, and the DVC metrics made of them."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from cgn.errors import UserError
from cgn.report.ablation import Fraction, NonNegative, Percent
from cgn.report.imagenet_scores import ImageNetScores
from cgn.report.names import METHOD_TITLES, VARIANT_TITLES

TenCounts = Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=10, max_length=10)]


# Names in reports/summary.json, short because they head columns, and where the values are in metrics.json.
HEADLINES = {
    "cgn_colored": "mnist.colored_mnist.cgn.test_accuracy",
    "cgn_double": "mnist.double_colored_mnist.cgn.test_accuracy",
    "cgn_wildlife": "mnist.wildlife_mnist.cgn.test_accuracy",
    "original_colored": "mnist.colored_mnist.original.test_accuracy",
    "original_double": "mnist.double_colored_mnist.original.test_accuracy",
    "original_wildlife": "mnist.wildlife_mnist.original.test_accuracy",
    "healthy_colored": "mnist.colored_mnist.mechanisms.healthy_classes",
    "healthy_double": "mnist.double_colored_mnist.mechanisms.healthy_classes",
    "healthy_wildlife": "mnist.wildlife_mnist.mechanisms.healthy_classes",
    "bg_gap_plain": "imagenet.in9.in.bg_gap",
    "bg_gap_ensemble": "imagenet.in9.ensemble.bg_gap",
    "shape_bias_plain": "imagenet.cue_conflict.in.shape_bias",
    "shape_bias_shape_head": "imagenet.cue_conflict.shape.shape_bias",
    "mask_iou": "imagenet.cgn.mask_iou",
    "inception_score": "imagenet.cgn.inception_score",
}

Record = TypeVar("Record")


class ClassifierScore(BaseModel):
    """One classifier: accuracies in percent, and counts `confusion[true][predicted]` of the test split."""

    model_config = ConfigDict(frozen=True)

    train_accuracy: Percent
    validation_accuracy: Percent
    test_accuracy: Percent
    confusion: Annotated[list[TenCounts], Field(min_length=10, max_length=10)]


class ClassHealth(BaseModel):
    """The masks of one class: accuracy in percent, means in [0, 1]."""

    model_config = ConfigDict(frozen=True)

    digit: Annotated[int, Field(ge=0, le=9, alias="class")]
    digit_accuracy: Percent
    border_mean: Fraction
    mask_mean: Fraction
    diversity: NonNegative
    healthy: bool


class MechanismScore(BaseModel):
    """The masks of one variant: `mask_entropy` in bits, `inverted_masks` and accuracies in percent."""

    model_config = ConfigDict(frozen=True)

    mask_mean: Fraction
    mask_entropy: NonNegative
    mask_digit_accuracy: Percent
    inverted_masks: Percent
    healthy_classes: Annotated[int, Field(ge=0, le=10)]
    diversity: NonNegative
    digit_classifier_accuracy: Percent
    abduction_iou: Fraction
    per_class: Annotated[list[ClassHealth], Field(min_length=10, max_length=10)]


def parse_classifiers(value: Any, source: str) -> dict[str, ClassifierScore]:
    """Checks the scores of all methods, and sorts them as the table; messages name the file `source`.

    Raises UserError when a method or a field is missing or out of range.
    """
    scores = validated(TypeAdapter(dict[str, ClassifierScore]), value, source)
    missing = [method for method in METHOD_TITLES if method not in scores]
    if missing:
        raise UserError(f"{source}: no scores for {', '.join(missing)}; run dvc repro")
    return {method: scores[method] for method in METHOD_TITLES}


def parse_mechanisms(value: Any, source: str) -> MechanismScore:
    """Checks the mechanisms' scores. Raises UserError when a field is missing or out of range."""
    return validated(TypeAdapter(MechanismScore), value, source)


def assemble_metrics(
    classifiers: Mapping[str, Mapping[str, ClassifierScore]],
    mechanisms: Mapping[str, MechanismScore],
    imagenet: ImageNetScores,
    run: Mapping[str, Any],
) -> dict[str, Any]:
    """`reports/metrics.json`: mnist.<variant>.<method>.<train|test>_accuracy, .mechanisms; imagenet; run."""
    worlds: dict[str, Any] = {}
    for variant in VARIANT_TITLES:
        worlds[variant] = {
            method: score.model_dump(include={"train_accuracy", "test_accuracy"})
            for method, score in classifiers[variant].items()
        }
        worlds[variant]["mechanisms"] = mechanisms[variant].model_dump(exclude={"per_class"})
    return {"mnist": worlds, "imagenet": imagenet.metrics(), "run": dict(run)}


def summarise(metrics: Mapping[str, Any]) -> dict[str, float]:
    """`reports/summary.json`: the HEADLINES of `assemble_metrics`, but for those that the world lacks."""
    summary = {}
    for name, place in HEADLINES.items():
        value: Any = metrics
        for key in place.split("."):
            value = value.get(key) if isinstance(value, Mapping) else None
        if value is not None:
            summary[name] = value
    return summary


def validated(adapter: TypeAdapter[Record], value: Any, source: str) -> Record:
    """`value`, checked. Raises UserError, which names the file `source` and the first fault."""
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{source}: {key}: {first['msg']}; delete the file and run dvc repro") from None
