"""The page of given scores: its numbers, names and footnotes."""

import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cgn.report.further import Further
from cgn.report.imagenet import tables
from cgn.report.imagenet_scores import ImageNetScores
from cgn.report.names import METHOD_TITLES, VARIANT_TITLES
from cgn.report.page import Accuracy, CausalModel, headline, render_page, winners
from cgn.report.page_data import Picture
from cgn.report.run_facts import run_facts
from cgn.report.scores import ClassifierScore, MechanismScore
from cgn.report.tables import table_2

Classifiers = dict[str, dict[str, ClassifierScore]]


def test_a_variant_that_the_paper_lacks_has_no_value_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(VARIANT_TITLES, "own_mnist", "Own MNIST")
    shown = headline("own_mnist", {"original": Accuracy(30.0), "cgn": Accuracy(80.0)}, "This run")
    assert shown["variant"] == "Own MNIST"
    assert shown["gain"] == 50.0
    assert shown["paper"] == []


PageOf = Callable[[dict[str, Any]], str]


@pytest.fixture
def page_of(
    reports: Path,
    classifiers: Classifiers,
    mechanisms: dict[str, MechanismScore],
    imagenet: ImageNetScores,
    further: Further,
) -> PageOf:
    """The page of a summary of paper runs, with all else the same."""
    model = CausalModel("<MNIST>", ["m := f(y & u)"], [("Y1", "M"), ("M", "X_gen")], {"M": "shape"})
    of_imagenet = [table._replace(title="Table <3>") for table in tables(imagenet)]
    table, facts = table_2(classifiers), run_facts("laptop", 7, [])
    pictures: Any = defaultdict(lambda: [Picture("data:,", 1, 1)])
    data: dict[str, Any] = {"worlds": [], "charts": {}, "confusion": {}}
    return lambda paper_runs: render_page(
        classifiers, mechanisms, table, of_imagenet, pictures, [], data, [model], facts, "Profile laptop.",
        False, paper_runs, further,
    )  # fmt: skip


def test_the_page_shows_the_numbers_and_escapes_names(page_of: PageOf, classifiers: Classifiers) -> None:
    text = page_of({})

    assert "<MNIST>" not in text
    assert "&lt;MNIST&gt;" in text
    assert "m := f(y &amp; u)" in text
    gain = (
        classifiers["wildlife_mnist"]["cgn"].test_accuracy
        - classifiers["wildlife_mnist"]["original"].test_accuracy
    )
    assert f"+{gain:.1f} <small>points" in text
    assert text.count("✗ 41.5") == 0 + 1 + 2  # the classes that are not healthy
    assert "not recorded" in text
    assert "upper bound of any generator" not in text
    assert "Table &lt;3&gt;" in text
    cells = re.sub(r' data-value="[^"]*"', "", text)
    assert "<td>25.0 (21.4)</td><td>61.5 (76.1)</td><td>97.5 (92.9)</td><td>61.5</td>" in cells
    assert "<td>88.0 (95.6)</td><td>80.0 (86.2)</td><td>61.0 (78.9)</td><td>19.0 (7.3)</td>" in cells


def test_the_runs_at_the_papers_sizes_come_first(page_of: PageOf, paper_runs: dict[str, Any]) -> None:
    text = page_of(paper_runs)

    cards, of_paper, of_this_run = (
        text.index(f'id="{name}"') for name in ("results", "paper-sizes", "table")
    )
    assert cards < of_paper < of_this_run
    assert "57.0 ± 0.4&nbsp;%" in text[cards:of_paper]  # the CGN
    assert "At the paper’s sizes." in text[cards:of_paper]
    assert "This run." not in text[cards:of_paper]
    cgn = '57.0 ± 0.4</span> (5)<span class="paper">85.7&nbsp;V, −28.7</span>'
    assert cgn in text[of_paper:of_this_run]
    assert "Every method is to have 100 updates of at least 32 images." in text
    assert "have fewer: IRM, 5 environments (40)." in text


def test_what_the_runs_at_the_papers_sizes_lack_is_left_out(
    page_of: PageOf, paper_runs: dict[str, Any]
) -> None:
    assert 'id="paper-sizes"' not in page_of({})
    assert "paper/mnist" not in page_of({})
    one = paper_runs["wildlife_mnist"]["original"] | {"test_accuracy_std": None, "seeds": 1}
    text = page_of({"run": paper_runs["run"], "wildlife_mnist": {"original": one}})
    assert text.count(">no result</td>") == len(METHOD_TITLES) * len(VARIANT_TITLES) - 1
    assert '50.0</span> (1)<span class="paper">10.1&nbsp;V' in text
    # A card without results of its own shows this run; that of Wildlife MNIST cannot say what was gained.
    assert text.count("This run.") == 2
    assert text.count("points: Original + CGN over Original") == 2


def test_the_best_methods_are_named() -> None:
    def best(**of_wildlife: float) -> str:
        of = {"original": 10.0, "irm_5": 70.0, "cgn": 90.0, "cgn_abduction": 95.0, "oracle": 99.0}
        found = dict.fromkeys(VARIANT_TITLES, of) | {"wildlife_mnist": of | of_wildlife}
        return winners({v: {m: Accuracy(a) for m, a in found[v].items()} for v in found})

    of_all = "of all it is CGN, abduction on all variants."
    assert best() == f"Of the paper’s methods the best is Original + CGN on all variants; {of_all}"
    others = "Original + CGN on Colored MNIST and Double-colored MNIST, IRM, 5 environments on Wildlife MNIST"
    assert best(irm_5=91.0) == f"Of the paper’s methods the best is {others}; {of_all}"
    assert winners({"colored_mnist": {}}) == ""


def test_values_that_are_not_verified_stand_in_footnotes_alone(
    page_of: PageOf, paper_runs: dict[str, Any]
) -> None:
    text = page_of(paper_runs)

    footnotes = re.findall(r'<details class="soft footnote">(.*?)</details>', text)
    assert ["78.9" in note for note in footnotes] == [True, True]  # IRM with 5 environments
    assert ["99.6" in note for note in footnotes] == [False, True]  # accuracy in training: of this run alone
    rest = re.sub(r'<details class="soft footnote">.*?</details>', "", text)
    for value in ("59.8", "67.7", "11.3&", "78.9&", "76.8", "69.9", "11.5&"):
        assert value not in rest
    # 7 in the test, LNTL on colored apart, and 8 in training; they are in both tables and in one.
    assert rest.count("–&nbsp;†") == 7 + 7 + 8
    assert "81.8&nbsp;C" in rest
