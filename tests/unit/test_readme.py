"""The numbers in the README and on the page of results are those of reports/, and the README's first screen
has what a visitor looks for."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from cgn.report.glance import METHODS, VARIANT
from cgn.report.names import VARIANT_TITLES
from cgn.report.paper_values import paper_value
from cgn.report.tables import MINUS
from experiments.settings import overridden

TITLES = {
    "Original": "original",
    "Original + GAN": "gan",
    "IRM, 5 environments": "irm_5",
    "LNTL": "lntl",
    "**Original + CGN**": "cgn",
    "Oracle: the true process, random cues": "oracle",
}


@pytest.fixture(scope="module")
def readme(root: Path) -> str:
    return (root / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def results(root: Path) -> str:
    return (root / "docs/results.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def summary(root: Path) -> dict[str, Any]:
    """What the runs at the paper's sizes gave."""
    found: dict[str, Any] = json.loads((root / "reports/paper/mnist.json").read_text(encoding="utf-8"))
    return found


def test_the_table_is_of_the_papers_sizes(readme: str, summary: dict[str, Any]) -> None:
    (start,) = (
        i for i, line in enumerate(readme.splitlines()) if line.startswith("| trained on | colored |")
    )
    rows = readme.splitlines()[start + 2 :][: len(TITLES)]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert [row[0] for row in cells] == list(TITLES)
    for title, *shown in cells:
        method = TITLES[title]
        for variant, cell in zip(VARIANT_TITLES, shown, strict=True):
            paper = paper_value(method, variant, "test")
            # An unverified value of the paper is in the footnote, without a difference.
            beside = "" if paper is None else " †" if paper.mark == "U" else f" ({paper.accuracy:.1f})"
            assert cell == accuracy_and_spread(summary[variant][method]) + beside


def test_the_footnote_has_the_unverified_values(readme: str) -> None:
    (note,) = re.findall(r"^† (.*)$", readme, flags=re.M)
    for method, name in (("irm_5", "IRM"), ("lntl", "LNTL")):
        values = [paper_value(method, variant, "test") for variant in VARIANT_TITLES]
        unverified = [f"{value.accuracy:.1f}" for value in values if value and value.mark == "U"]
        assert f"{name} {' and '.join(unverified)}" in note


def test_the_first_picture(readme: str, summary: dict[str, Any], root: Path) -> None:
    """Its caption has the accuracies of this run and of the paper's sizes."""
    laptop = json.loads((root / "reports/metrics.json").read_text(encoding="utf-8"))["mnist"]
    of_run = [laptop[VARIANT][method]["test_accuracy"] for method in METHODS]
    of_paper = [summary[VARIANT][method]["test_accuracy"] for method in METHODS]
    text = " ".join(readme.split())
    for first, second in (of_run, of_paper):
        assert f"in {first:.1f} % and {second:.1f} %" in text


def test_abduction(results: str, summary: dict[str, Any]) -> None:
    first, second, third = (accuracy_and_spread(summary[name]["cgn_abduction"]) for name in VARIANT_TITLES)
    assert f"{first}, {second} and {third}" in " ".join(results.split())


def test_seeds(readme: str, summary: dict[str, Any]) -> None:
    told = "the mean of five seeds (GAN and IRM: three, IRM on double-colored: two)"
    assert told in " ".join(readme.split())
    for variant in VARIANT_TITLES:
        seeds = {method: summary[variant][method]["seeds"] for method in TITLES.values()}
        fewer = {"gan": 3, "irm_5": 2 if variant == "double_colored_mnist" else 3}
        assert seeds == dict.fromkeys(TITLES.values(), 5) | fewer


def test_updates(readme: str, summary: dict[str, Any], root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    params, text = overridden(["profile=paper"]), " ".join(readme.split())
    updates, batch = params.budgets.train_classifiers.updates, params.mnist.classifier.batch
    of_irm = 5 * params.methods.irm.of("double_colored_mnist").environment_batch
    assert f"All rows have {updates:,} updates, of {batch} images each, those of IRM of {of_irm};" in text
    for variant in VARIANT_TITLES:
        for method in TITLES.values():
            found = summary[variant][method]["updates"]
            older = f"on colored and Wildlife IRM still has {found:,}, from an older run."
            new = variant == "double_colored_mnist" or method != "irm_5"
            assert found == updates if new else older in text


def accuracy_and_spread(scores: dict[str, Any]) -> str:
    return f"{scores['test_accuracy']:.1f} ± {scores['test_accuracy_std']:.1f}"


def test_a_picture_stands_on_the_first_screen(readme: str, root: Path) -> None:
    top = "\n".join(readme.splitlines()[:20])
    (picture,) = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", top)
    assert (root / picture).is_file()
    assert "https://arxiv.org/abs/2101.06046" in top
    assert "make repro" in "\n".join(readme.splitlines()[:30])


def test_every_file_that_is_linked_exists(readme: str, root: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", readme)
    assert {"LICENSE", "CITATION.cff", "docs/extending.md"} <= set(links)
    assert not [link for link in links if not (root / link).exists()]


def test_the_citation_has_what_the_format_asks_for(root: Path) -> None:
    citation = YAML(typ="safe").load((root / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors", "license"} <= citation.keys()
    assert [author["family-names"] for author in citation["preferred-citation"]["authors"]] == [
        "Sauer",
        "Geiger",
    ]
    assert "MIT License" in (root / "LICENSE").read_text(encoding="utf-8")


IMAGENET_TITLES = {
    "plain": "in",
    "restyled": "sin",
    "plain + restyled": "in_sin",
    "Mixed-Rand": "mixed_rand",
    "plain + CGN, ensemble": "ensemble",
    "plain + CGN, shape head": "shape",
    "plain + CGN, texture head": "texture",
    "plain + CGN, background head": "background",
    "plain + abducted, ensemble": "ensemble_abducted",
    "plain + abducted, shape head": "shape_abducted",
    "Oracle (both cues at random)": "oracle",
}


@pytest.fixture(scope="module")
def emoji(root: Path) -> dict[str, Any]:
    """The means over seeds of the emoji world."""
    found: dict[str, Any] = json.loads((root / "reports/emoji/metrics.json").read_text(encoding="utf-8"))
    return found


def spread(scores: dict[str, float], name: str) -> str:
    mean = round(scores[name], 1) + 0.0  # without the sign of a 0
    return f"{mean:.1f} ± {scores[f'{name}_std']:.1f}".replace("-", MINUS)


@pytest.mark.parametrize("title", IMAGENET_TITLES)
def test_the_emoji_world(title: str, results: str, emoji: dict[str, Any]) -> None:
    method = IMAGENET_TITLES[title]
    (row,) = (line for line in results.splitlines() if line.startswith(f"| {title} |"))
    in9, random_surfaces = emoji["in9"][method], emoji["in9_random_surfaces"][method]
    shown = [
        *(spread(in9, name) for name in ("original", "mixed_same", "mixed_rand", "bg_gap")),
        *(spread(random_surfaces, name) for name in ("mixed_rand", "bg_gap")),
        spread(emoji["cue_conflict"][method], "shape_bias"),
    ]
    assert [cell.strip() for cell in row.strip("|").split("|")][1:] == shown


def test_the_seeds_of_the_emoji_world(results: str, emoji: dict[str, Any]) -> None:
    number = {3: "three", 4: "four", 5: "five"}[emoji["seeds"]]
    assert f"means of {number} seeds ± their standard deviation" in " ".join(results.split())


@pytest.mark.parametrize(
    ("title", "methods"),
    [
        ("plain", ["in"]),
        ("true masks, others' backgrounds", ["mixed_rand"]),
        ("abducted masks, others' backgrounds", ["mixed_abducted"]),
        ("CGN, ensemble / shape head", ["ensemble", "shape"]),
        ("abducted, ensemble / shape head", ["ensemble_abducted", "shape_abducted"]),
    ],
)
def test_the_emoji_world_of_the_page_on_photos(
    title: str, methods: list[str], root: Path, emoji: dict[str, Any]
) -> None:
    text = (root / "docs/photos.md").read_text(encoding="utf-8").partition("masks are known\n")[2]
    (row,) = (line for line in text.splitlines() if line.startswith(f"| {title} |"))
    shown = [
        " / ".join(spread(emoji[score][method], name) for method in methods)
        for score, name in (("in9", "mixed_rand"), ("in9", "bg_gap"), ("cue_conflict", "shape_bias"))
    ]
    assert [cell.strip() for cell in row.strip("|").split("|")][1:] == shown


PHOTO_TITLES = {
    "plain": "plain",
    "objects on others' backgrounds": "mixed_rand",
    "ensemble on counterfactuals": "ensemble",
    "its shape head": "shape",
    "its texture head": "texture",
    "its background head": "background",
}


def test_the_results_on_photos(root: Path) -> None:
    found = json.loads((root / "reports/photos/metrics.json").read_text(encoding="utf-8"))
    text = (root / "docs/photos.md").read_text(encoding="utf-8").partition("### On photos\n")[2]
    for title, name in PHOTO_TITLES.items():
        row = next(line for line in text.splitlines() if line.startswith(f"| {title} |"))
        columns = ("top1", "mixed_rand", "bg_gap", "only_bg_b", "shape_bias")
        shown = [f"{found[name][of]:.1f} ± {found[name][f'{of}_std']:.1f}" for of in columns]
        assert [cell.strip() for cell in row.strip("|").split("|")][1:] == shown
    gaps = [found[name]["bg_gap"] / found["plain"]["bg_gap"] for name in ("mixed_rand", "ensemble")]
    assert [f"{100 * share:.0f} %" for share in gaps] == ["46 %", "40 %"]
    assert f"{found['usable_objects']:.1f} %" in text


def test_health(results: str, root: Path) -> None:
    mnist = json.loads((root / "reports/metrics.json").read_text(encoding="utf-8"))["mnist"]
    variants = [mnist[name] for name in VARIANT_TITLES]
    text = " ".join(results.split())
    healthy = re.findall(r"(\d+) on (?:colored|double-colored|Wildlife)", text)
    assert healthy == [str(scores["mechanisms"]["healthy_classes"]) for scores in variants]
    (inverted,) = re.findall(r"inverted masks: ([\d., %]+) %", text)
    assert inverted.split(" %, ") == [f"{scores['mechanisms']['inverted_masks']:.1f}" for scores in variants]
