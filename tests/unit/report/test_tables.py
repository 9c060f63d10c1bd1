import io
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cgn.report import tables
from cgn.report.names import METHOD_TITLES, VARIANT_TITLES
from cgn.report.paper_values import paper_value
from cgn.report.scores import ClassifierScore, MechanismScore

Classifiers = dict[str, dict[str, ClassifierScore]]


def cell(table: pd.DataFrame, method: str, variant: str, split: str) -> "pd.Series[Any]":
    wanted = (table["method"] == method) & (table["variant"] == variant) & (table["split"] == split)
    return table[wanted].iloc[0]


def with_test_accuracy(classifiers: Classifiers, method: str, variant: str, accuracy: float) -> Classifiers:
    score = classifiers[variant][method].model_copy(update={"test_accuracy": accuracy})
    return classifiers | {variant: classifiers[variant] | {method: score}}


@pytest.mark.parametrize(
    ("method", "variant", "split", "value"),
    [
        ("original", "colored_mnist", "test", (35.9, "V")),
        ("original", "double_colored_mnist", "train", (100.0, "V")),
        ("irm_2", "wildlife_mnist", "test", (11.3, "U")),
        ("irm_5", "double_colored_mnist", "test", (78.9, "U")),
        ("lntl", "colored_mnist", "test", (81.8, "C")),
        ("lntl", "colored_mnist", "train", (99.3, "U")),
        ("cgn", "colored_mnist", "test", (95.1, "V")),
        ("cgn", "double_colored_mnist", "test", (89.0, "V")),
        ("cgn", "wildlife_mnist", "test", (85.7, "V")),
        ("irm_5", "colored_mnist", "test", None),
        ("oracle", "colored_mnist", "test", None),
    ],
)
def test_the_papers_values_keep_their_marks(
    method: str, variant: str, split: str, value: tuple[float, str] | None
) -> None:
    known = paper_value(method, variant, split)
    assert (known and (known.accuracy, known.mark)) == value


def test_the_difference_is_ours_minus_the_papers_also_where_ours_is_worse(classifiers: Classifiers) -> None:
    scores = with_test_accuracy(classifiers, "cgn", "wildlife_mnist", 63.4)
    scores = with_test_accuracy(scores, "cgn", "colored_mnist", 96.0)
    table = tables.table_2(scores)

    assert cell(table, "cgn", "wildlife_mnist", "test")["difference"] == -22.3
    assert cell(table, "cgn", "colored_mnist", "test")["difference"] == 0.9
    wide = tables.table_2_side_by_side(table)
    assert wide.loc["Original + CGN", "Wildlife MNIST, test"] == "63.4 (85.7 V, \u221222.3)"
    assert wide.loc["Original + CGN", "Colored MNIST, test"] == "96.0 (95.1 V, +0.9)"


def test_a_cell_without_a_value_in_the_paper_says_so(classifiers: Classifiers) -> None:
    table = tables.table_2(with_test_accuracy(classifiers, "irm_5", "colored_mnist", 61.0))
    row = cell(table, "irm_5", "colored_mnist", "test")
    wide = tables.table_2_side_by_side(table)

    assert np.isnan(row["paper"])
    assert np.isnan(row["difference"])
    assert row["mark"] == ""
    assert wide.loc["IRM, 5 environments", "Colored MNIST, test"] == "61.0 (\u2013)"
    assert list(wide.index[-2:]) == ["CGN, abduction (not in the paper)", "Oracle (not in the paper)"]


def test_a_value_that_is_not_verified_is_not_compared(classifiers: Classifiers) -> None:
    table = tables.table_2(with_test_accuracy(classifiers, "irm_2", "wildlife_mnist", 61.0))
    row = cell(table, "irm_2", "wildlife_mnist", "test")
    assert (row["paper"], row["mark"]) == (11.3, "U")
    assert (table["mark"] == "U").sum() > 1
    assert table.loc[table["mark"] == "U", "difference"].isna().all()
    wide = tables.table_2_side_by_side(table)
    assert wide.loc["IRM, 2 environments", "Wildlife MNIST, test"] == "61.0 (\u2013 \u2020)"
    assert wide.loc["LNTL", "Colored MNIST, test"].endswith("(81.8 C, \u221231.6)")

    legend, footnote = tables.table_2_legend().split("\n\n")
    assert "U " not in legend
    assert footnote.startswith("\u2020")
    for named in (
        "IRM, 2 environments, Wildlife MNIST: train 99.9, test 11.3",
        "LNTL, Colored MNIST: train 99.3;",
    ):
        assert footnote.count(named) == 1
    assert "81.8" not in footnote


def test_table_2_has_every_method_variant_and_split_once(classifiers: Classifiers) -> None:
    table = tables.table_2(classifiers)

    assert len(table) == len(table.drop_duplicates(["method", "variant", "split"])) == 11 * 3 * 2
    assert list(tables.table_2_side_by_side(table).columns) == [
        f"{title}, {split}" for title in VARIANT_TITLES.values() for split in ("train", "test")
    ]


@pytest.mark.parametrize(
    ("difference", "text"), [(0.04, "0.0"), (-0.04, "0.0"), (-0.06, "\u22120.1"), (12.34, "+12.3")]
)
def test_signs(difference: float, text: str) -> None:
    assert tables.signed(difference) == text


def test_confusion_counts_survive_csv_and_markdown(classifiers: Classifiers) -> None:
    scores = classifiers["wildlife_mnist"]
    table = tables.confusion(scores)
    read = pd.read_csv(io.StringIO(table.to_csv(index=False)))
    counts = read[read["method"] == "cgn"].pivot(
        index="true_class", columns="predicted_class", values="count"
    )

    np.testing.assert_array_equal(counts.to_numpy(), scores["cgn"].confusion)
    text = tables.confusion_markdown(table)
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == list(METHOD_TITLES.values())
    rows = [line.split("|")[1:-1] for line in text.split("## Original + CGN")[1].splitlines() if "|" in line]
    assert [int(part) for part in rows[2 + 3]] == [3, *scores["cgn"].confusion[3]]


def test_mechanisms_by_variant_and_by_class(mechanisms: dict[str, MechanismScore]) -> None:
    health, by_class = tables.mechanisms(mechanisms), tables.mechanisms_by_class(mechanisms)

    assert list(health["healthy_classes"]) == [10, 9, 8]
    assert "per_class" not in health
    assert list(by_class.columns) == [
        "variant", "class", "digit_accuracy", "border_mean", "mask_mean", "diversity", "healthy"
    ]  # fmt: skip
    assert list(by_class.groupby("variant", sort=False)["healthy"].sum()) == [10, 9, 8]
