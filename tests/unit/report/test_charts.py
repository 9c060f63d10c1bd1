import hashlib
import json
import os
import re
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import ImageColor

from cgn.report import charts, tables
from cgn.report.chart_style import MOST_POINTS
from cgn.report.charts import confusion_figure, confusion_matrices
from cgn.report.names import METHOD_TITLES
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
    return generators, dict.fromkeys(METHOD_TITLES, classifier)


def all_charts(classifiers: Classifiers) -> dict[str, str]:
    generators, histories = curves()
    return {
        "accuracy": charts.accuracy_bars(tables.table_2(classifiers)),
        "confusion": confusion_matrices(tables.confusion(classifiers["wildlife_mnist"]), "Wildlife"),
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
    assert 50 < longest <= MOST_POINTS
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


def test_no_two_titles_of_a_confusion_chart_overlap(classifiers: Classifiers) -> None:
    figure = confusion_figure(tables.confusion(classifiers["colored_mnist"]), "Colored")
    renderer = FigureCanvasAgg(figure).get_renderer()
    titles = [text for axis in figure.axes for text in (axis.title, axis._left_title) if text.get_text()]
    boxes = [text.get_window_extent(renderer) for text in (*titles, *figure.texts)]

    assert len(boxes) == len(METHOD_TITLES) + 1
    for first, second in combinations(boxes, 2):
        assert not first.padded(4).overlaps(second)
    assert all(figure.bbox.x0 < box.x0 and box.x1 < figure.bbox.x1 for box in boxes)


def test_a_value_that_is_not_verified_has_no_diamond(classifiers: Classifiers) -> None:
    table = tables.table_2(classifiers)
    drawn = charts.accuracy_bars(table)
    unverified = table["mark"] == "U"
    assert unverified.any()
    assert charts.accuracy_bars(table.assign(paper=table["paper"].where(~unverified, 1.0))) == drawn
    assert charts.accuracy_bars(table.assign(paper=table["paper"].where(unverified, 1.0))) != drawn
    assert "unverified" not in drawn


DARK_GROUND = "#1d2126"


@pytest.mark.parametrize("chart", ["accuracy", "confusion", "curves"])
def test_all_words_read_on_a_light_and_on_a_dark_page(drawn: dict[str, str], chart: str) -> None:
    """Words are groups with a colour of their own, in which glyphs are used."""
    words = [style for style, glyphs in inks(drawn[chart]) if glyphs]
    assert len(words) > 20
    for style in set(words):
        if "fill: #fafafa" not in style:  # on the blue of a confusion matrix
            assert contrast(color_of(style, "fill"), "#ffffff") >= 4.5
            assert contrast(color_of(dark(drawn[chart], style), "fill"), DARK_GROUND) >= 4.5


@pytest.mark.parametrize("chart", ["accuracy", "curves"])
def test_every_line_and_bar_is_seen_on_a_dark_page(drawn: dict[str, str], chart: str) -> None:
    grid = "#3d444d"
    for style, _ in inks(drawn[chart]):
        after = dark(drawn[chart], style)
        colors = {color_of(after, what) for what in ("fill", "stroke")} - {None, "none", grid, DARK_GROUND}
        for color in colors:
            assert contrast(color, DARK_GROUND) >= 3


def test_the_ground_of_a_chart_is_transparent(drawn: dict[str, str]) -> None:
    for svg in drawn.values():
        assert not re.search(r"fill: #ffffff|fill: white", svg.split("</style>", 2)[2])


def inks(svg: str) -> list[tuple[str, bool]]:
    """The style of every element that has one, and whether it is of words."""
    space = "{http://www.w3.org/2000/svg}"
    return [
        (
            element.get("style", ""),
            element.tag == f"{space}g" and element.find(f".//{space}use") is not None,
        )
        for element in ElementTree.fromstring(svg).iter()
        if element.get("style")
    ]


def dark(svg: str, style: str) -> str:
    """The style under the rules for a dark page, as a browser applies them."""
    rules = re.findall(r'\[style\*="(fill|stroke): (#\w+)"\]\{\1:(#\w+) !important\}', svg)
    assert rules
    assert "@media (prefers-color-scheme: dark){[style" in svg
    for what, light, replacement in rules:
        style = style.replace(f"{what}: {light}", f"{what}: {replacement.upper()}")  # once at most
    return style.lower()


def color_of(style: str, what: str) -> str | None:
    found = re.search(rf"(?<![-\w]){what}: ([^;]+)", style)
    return found and found[1]


def contrast(first: str | None, second: str) -> float:
    """As WCAG 2 defines it."""
    assert first
    low, high = sorted(luminance(color) for color in (first, second))
    return (high + 0.05) / (low + 0.05)


def luminance(color: str) -> float:
    values = np.array(ImageColor.getrgb(color)[:3]) / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))
