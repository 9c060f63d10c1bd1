import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from cgn.report import charts, tables
from cgn.report.names import METHODS
from cgn.report.scores import ClassifierScore

Classifiers = dict[str, dict[str, ClassifierScore]]


def curves(spike: float = 1.0) -> tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]]:
    steps = np.arange(0, 2000, 2)
    noise = np.random.default_rng(0).normal(scale=0.1, size=len(steps))
    losses = {"adversarial": np.cos(steps / 300) + noise, "binary": np.exp(-steps / 400) + noise}
    history = pd.DataFrame({"step": steps} | losses)
    history.loc[0, "adversarial"] = spike
    epochs = np.arange(1, 4)
    classifier = pd.DataFrame(
        {
            "epoch": epochs,
            "image_passes": 1000 * epochs,
            "loss": 1 / epochs,
            "validation_accuracy": 90.0 + epochs,
        }
    )
    generators = {"CGN": history, "GAN": history[["step", "adversarial"]] + 1}
    return generators, dict.fromkeys(METHODS, classifier)


def all_charts(classifiers: Classifiers) -> dict[str, str]:
    generators, histories = curves()
    return {
        "accuracy": charts.accuracy_bars(tables.table_2(classifiers)),
        "confusion": charts.confusion_matrices(tables.confusion(classifiers["wildlife_mnist"]), "Wildlife"),
        "curves": charts.training_curves(generators, histories, "Wildlife"),
    }


@pytest.fixture(scope="module")
def drawn(classifiers: Classifiers) -> dict[str, str]:
    return all_charts(classifiers)


def test_charts_are_svg_without_a_date_or_a_reference_outside(drawn: dict[str, str]) -> None:
    for svg in drawn.values():
        root = ElementTree.fromstring(svg)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert "<metadata" not in svg
        references = re.findall(r'href="([^"]*)"', svg)
        assert references
        assert all(reference.startswith(("#", "data:image/png;")) for reference in references)


def test_the_same_numbers_give_the_same_bytes_in_another_process(
    classifiers: Classifiers, drawn: dict[str, str]
) -> None:
    here = Path(__file__).parent
    script = (
        f"import sys, hashlib, json; sys.path.insert(0, {str(here)!r})\n"
        "from conftest import classifier_json\n"
        "from cgn.report.scores import ClassifierScore\n"
        "from test_charts import all_charts\n"
        "scores = json.load(sys.stdin)\n"
        "scores = {v: {m: ClassifierScore(**s) for m, s in group.items()} for v, group in scores.items()}\n"
        "print([hashlib.md5(svg.encode()).hexdigest() for svg in all_charts(scores).values()])\n"
    )
    plain = {v: {m: score.model_dump() for m, score in methods.items()} for v, methods in classifiers.items()}
    environment = os.environ | {
        "PYTHONHASHSEED": "123",
        "PYTHONPATH": os.pathsep.join(sys.path),
        "TZ": "Asia/Tokyo",
    }
    command = [sys.executable, "-c", script]
    other = subprocess.run(
        command, input=json.dumps(plain), capture_output=True, text=True, env=environment, check=True
    )

    assert other.stdout.strip() == str([hashlib.md5(svg.encode()).hexdigest() for svg in drawn.values()])


def test_a_changed_score_changes_the_chart(classifiers: Classifiers, drawn: dict[str, str]) -> None:
    table = tables.table_2(classifiers)
    row = (table["method"] == "cgn") & (table["split"] == "test")
    assert charts.accuracy_bars(table.assign(ours=table["ours"].where(~row, 50.0))) != drawn["accuracy"]


def test_long_histories_are_thinned_and_a_spike_does_not_flatten_the_rest() -> None:
    generators, histories = curves(spike=1e6)
    svg = charts.training_curves(generators, histories, "Wildlife")

    longest = max(path.count("L ") for path in re.findall(r' d="([^"]*)"', svg))
    assert 50 < longest <= charts.MOST_POINTS
    # The line of the loss behind the spike must still span most of its panel (90 units high).
    lines = [
        [float(y) for y in re.findall(r"L [\d.-]+ ([\d.-]+)", path)]
        for path in re.findall(r' d="([^"]*)"', svg)
    ]
    long_lines = [line[5:] for line in lines if len(line) > 50]
    assert all(max(line) - min(line) > 40 for line in long_lines)


def test_a_negative_loss_is_drawn() -> None:
    generators, histories = curves()
    histories["lntl"] = histories["lntl"].assign(loss=[-1.0, -0.5, -0.2])
    ElementTree.fromstring(charts.training_curves(generators, histories, "Colored"))
