"""The MNIST tables as pandas frames and as markdown. Accuracies are in percent, differences in points."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from cgn.report.names import METHOD_TITLES, VARIANT_TITLES
from cgn.report.paper_values import FOOTNOTE, MARKS, TABLE_2, PaperValue, paper_value, unverified_values
from cgn.report.scores import ClassifierScore, MechanismScore

MINUS = "\u2212"
NONE = "\u2013"  # in a cell: the paper has no value


def table_2(classifiers: Mapping[str, Mapping[str, ClassifierScore]]) -> pd.DataFrame:
    """Table 2, a row for each method, variant and split: ours, the paper's value, its mark, the difference.

    `classifiers` is {variant: {method: score}}. If the paper has no value, `paper` and `difference` are NaN
    and `mark` is empty; if the value is not verified, `difference` is NaN.
    """
    rows = []
    for method in METHOD_TITLES:
        for variant in VARIANT_TITLES:
            score = classifiers[variant][method]
            for split, ours in (("train", score.train_accuracy), ("test", score.test_accuracy)):
                known = paper_value(method, variant, split)
                rows.append(
                    {
                        "method": method,
                        "variant": variant,
                        "split": split,
                        "ours": ours,
                        "paper": known.accuracy if known else np.nan,
                        "mark": known.mark if known else "",
                        "difference": round(ours - known.accuracy, 2) if known and known.verified else np.nan,
                    }
                )
    return pd.DataFrame(rows)


def table_2_side_by_side(table: pd.DataFrame) -> pd.DataFrame:
    """Table 2 for readers: a row for each method, cells "ours (paper mark, difference)"."""
    cells = table.assign(
        cell=[
            f"{ours:.1f} ({beside(ours, paper_value(method, variant, split))})"
            for ours, method, variant, split in zip(
                table["ours"], table["method"], table["variant"], table["split"], strict=True
            )
        ],
        column=[
            f"{VARIANT_TITLES[variant]}, {split}"
            for variant, split in zip(table["variant"], table["split"], strict=True)
        ],
    )
    wide = cells.pivot(index="method", columns="column", values="cell")
    wide = wide.loc[list(METHOD_TITLES), list(dict.fromkeys(cells["column"]))]
    wide.index = pd.Index([method_label(method) for method in METHOD_TITLES], name="trained with")
    return wide.rename_axis(columns=None)


def method_label(method: str) -> str:
    """The title of a method, with a remark if the paper's table does not have it."""
    return METHOD_TITLES[method] if method in TABLE_2 else f"{METHOD_TITLES[method]} (not in the paper)"


def beside(ours: float, paper: PaperValue | None) -> str:
    """The text beside our value: the paper's value, mark and difference; a footnote mark if unverified."""
    if paper is None:
        return NONE
    if not paper.verified:
        return f"{NONE} {FOOTNOTE}"
    return f"{paper.accuracy:.1f} {paper.mark}, {signed(round(ours, 1) - paper.accuracy)}"


def signed(difference: float) -> str:
    """A difference in points with its sign: +1.2, \u22120.3, 0.0."""
    text = f"{abs(difference):.1f}"
    if text == "0.0":
        return text
    return f"+{text}" if difference > 0 else f"{MINUS}{text}"


def table_2_legend() -> str:
    """The legend of `table_2_side_by_side`, with the footnote."""
    marks = "; ".join(f"{mark} {meaning}" for mark, meaning in MARKS.items() if mark != "U")
    legend = (
        "Accuracy in percent: ours (the paper's value with its mark, ours minus the paper's in points). "
        f"Marks: {marks}. {NONE}: no value of the paper. "
        "Train: the variant's biased training images. Test: cues at random, 10 % is chance."
    )
    return f"{legend}\n\n{unverified_values()}".rstrip()


def mechanisms(scores: Mapping[str, MechanismScore]) -> pd.DataFrame:
    """The scores of the CGN's masks, a row for each variant."""
    rows = [
        {"variant": variant} | scores[variant].model_dump(exclude={"per_class"}) for variant in VARIANT_TITLES
    ]
    return pd.DataFrame(rows)


def mechanisms_by_class(scores: Mapping[str, MechanismScore]) -> pd.DataFrame:
    """The scores of the CGN's masks, a row for each variant and class."""
    rows = [
        {"variant": variant} | health.model_dump(by_alias=True)
        for variant in VARIANT_TITLES
        for health in scores[variant].per_class
    ]
    return pd.DataFrame(rows)


MECHANISMS_LEGEND = (
    "mask_mean: mean of the mask on [0, 1]. mask_entropy: of its pixels, in bits (0 is binary). "
    "mask_digit_accuracy: percent of masks that a digit classifier, trained on real binarised digits, "
    "reads as their label (its own accuracy on real digits: digit_classifier_accuracy). inverted_masks: "
    "percent with a mean above 0.5 on the border. healthy_classes: of ten, those whose masks are read as "
    "their label and are not inverted. diversity: how much two noises of one class differ. "
    "abduction_iou: of the masks read off real images, intersection over union with the true ones."
)


def confusion(scores: Mapping[str, ClassifierScore]) -> pd.DataFrame:
    """Counts of the test split, a row for each method, true class and predicted class."""
    frames = []
    for method, score in scores.items():
        counts = np.array(score.confusion)
        true_class, predicted_class = np.indices(counts.shape)
        frames.append(
            pd.DataFrame(
                {
                    "method": method,
                    "true_class": true_class.ravel(),
                    "predicted_class": predicted_class.ravel(),
                    "count": counts.ravel(),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def confusion_markdown(table: pd.DataFrame) -> str:
    """`confusion` as a 10x10 table for each method: rows are true classes, columns predictions."""
    parts = []
    for method, rows in table.groupby("method", sort=False):
        counts = rows.pivot(index="true_class", columns="predicted_class", values="count")
        counts.index.name = "true \\ predicted"
        parts.append(f"## {METHOD_TITLES[str(method)]}\n\n{counts.to_markdown()}\n")
    return "\n".join(parts)


def markdown(title: str, facts: str, table: str, legend: str = "") -> str:
    """A markdown page: title, the line `facts` on the run, table, legend."""
    parts = [f"# {title}", facts, table.strip(), legend]
    return "\n\n".join(part for part in parts if part) + "\n"
