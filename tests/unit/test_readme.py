"""The numbers in the README are those of reports/metrics.json."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from cgn.report.names import VARIANTS
from cgn.report.tables import MINUS

TITLES = {
    "Original": "original",
    "IRM, 2 environments": "irm_2",
    "IRM, 5 environments": "irm_5",
    "Group DRO": "group_dro",
    "LNTL": "lntl",
    "Augmentation": "augmentation",
    "Original + GAN": "gan",
    "**Original + CGN**": "cgn",
    "CGN only": "cgn_only",
    "**CGN, abduction**": "cgn_abduction",
    "Oracle (true process, random cues)": "oracle",
}


@pytest.fixture(scope="module")
def readme(root: Path) -> str:
    return (root / "README.md").read_text()


@pytest.fixture(scope="module")
def variants(root: Path) -> list[dict[str, Any]]:
    """The scores of colored, double-colored and Wildlife MNIST, in this order."""
    mnist = json.loads((root / "reports/metrics.json").read_text())["mnist"]
    return [mnist[name] for name in VARIANTS]


@pytest.mark.parametrize("title", TITLES)
def test_accuracies(title: str, readme: str, variants: list[dict[str, Any]]) -> None:
    (row,) = (line for line in readme.splitlines() if line.startswith(f"| {title} |"))
    small = [cell.strip() for cell in row.strip("|").split("|")][1::3]
    assert small == [f"{scores[TITLES[title]]['test_accuracy']:.1f}" for scores in variants]


@pytest.mark.parametrize("title", TITLES)
def test_accuracies_at_the_papers_sizes(title: str, readme: str, root: Path) -> None:
    summary = json.loads((root / "reports/paper/mnist.json").read_text())
    (row,) = (line for line in readme.splitlines() if line.startswith(f"| {title} |"))
    large = [cell.strip() for cell in row.strip("|").split("|")][2::3]
    found = [summary.get(name, {}).get(TITLES[title]) for name in VARIANTS]
    assert large == [accuracy_and_spread(scores) if scores else "–" for scores in found]


def test_seeds(readme: str, root: Path) -> None:
    summary = json.loads((root / "reports/paper/mnist.json").read_text())
    assert "(five seeds, ± their spread; IRM, Group DRO and GAN three)" in readme
    three = {"irm_2", "irm_5", "group_dro", "gan"}
    for variant in VARIANTS:
        seeds = {method: summary[variant][method]["seeds"] for method in TITLES.values()}
        assert seeds == {method: 3 if method in three else 5 for method in TITLES.values()}


def accuracy_and_spread(scores: dict[str, Any]) -> str:
    spread = scores["test_accuracy_std"]
    return f"{scores['test_accuracy']:.1f}" + (f" ± {spread:.1f}" if spread is not None else "")


IMAGENET_TITLES = {
    "plain": "in",
    "restyled": "sin",
    "plain + restyled": "in_sin",
    "Mixed-Rand": "mixed_rand",
    "plain + CGN, ensemble": "ensemble",
    "plain + CGN, shape head": "shape",
    "plain + CGN, texture head": "texture",
    "plain + CGN, background head": "background",
    "Oracle (both cues at random)": "oracle",
}


@pytest.mark.parametrize("title", IMAGENET_TITLES)
def test_the_emoji_world(title: str, readme: str, root: Path) -> None:
    scores = json.loads((root / "reports/metrics.json").read_text())["imagenet"]
    method = IMAGENET_TITLES[title]
    (row,) = (line for line in readme.splitlines() if line.startswith(f"| {title} |"))
    in9 = [scores["in9"][method][name] for name in ("original", "mixed_same", "mixed_rand", "bg_gap")]
    values = [*in9, scores["cue_conflict"][method]["shape_bias"]]
    shown = [f"{value:.1f}".replace("-", MINUS) for value in values]
    assert [cell.strip() for cell in row.strip("|").split("|")][1:] == shown


def test_health(readme: str, variants: list[dict[str, Any]]) -> None:
    text = " ".join(readme.split())
    healthy = re.findall(r"(\d+) on (?:colored|double-colored|Wildlife)", text)
    assert healthy == [str(scores["mechanisms"]["healthy_classes"]) for scores in variants]
    (inverted,) = re.findall(r"inverted masks: ([\d., %]+) %", text)
    assert inverted.split(" %, ") == [f"{scores['mechanisms']['inverted_masks']:.1f}" for scores in variants]
