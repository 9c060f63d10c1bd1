"""Table 5 and Figure 6 in the report."""

import re
from typing import Any

import numpy as np
import pytest

from cgn.errors import UserError
from cgn.report.further import Further
from cgn.report.latents import parse_latents, plane_chart, traversal_sheet
from cgn.report.names import VARIANT_TITLES
from cgn.report.signals import parse_signals, signals_chart


def test_the_verdict_is_that_of_the_statistic(further: Further) -> None:
    first, second, last = further.verdicts().values()
    assert first == second == "the shape alone is stable, so it is the cause"
    assert last == "no signal is stable"
    cells = further.tables()[0].cells
    assert list(cells["verdict"]) == ["stable: the cause", "", ""] * 2 + ["", "", ""]
    assert list(cells["dependence"][:3]) == ["0.12", "1.02", "–"]
    assert list(cells.columns[2:8]) == ["90 %", "92.5 %", "95 %", "97.5 %", "100 %", "random"]


def test_the_numbers_behind_figure_6(further: Further) -> None:
    cells = further.tables()[1].cells.set_index(["model", "what moves"])
    vae = cells.loc["beta-VAE, 2 latents", "latents, in any direction"]
    assert vae["colour read from one latent / all"] == "19.2 / 30.5"
    assert vae["shape alone, mean / best"] == "12.5 / 17.8"
    assert cells.loc["CGN", "do(shape)"]["colour alone, mean / best"] == "– / –"
    assert "84.4 % right" in further.tables()[1].legend


def test_metrics_are_numbers_and_the_verdict(further: Further) -> None:
    mnist: dict[str, Any] = {variant: {} for variant in VARIANT_TITLES}
    further.add_metrics(mnist)
    wildlife = mnist["wildlife_mnist"]
    assert set(wildlife) == {"signals", "signal_dependence", "causal_signal"}
    assert wildlife["signal_dependence"] == {"shape": 1.0, "foreground": 1.02}
    assert "alone" not in mnist["colored_mnist"]["latents"]["gan"]["color"]


def test_charts_are_the_same_bytes_again(further: Further) -> None:
    assert signals_chart(further.signals) == signals_chart(further.signals)
    plane = plane_chart(further.pictures)
    assert plane == plane_chart(further.pictures)
    fills = set(re.findall(r"fill: (#[0-9a-f]{6})", plane))
    assert {"#" + bytes(color).hex() for color in further.pictures["colors"]} <= fills
    sheet = traversal_sheet(further.pictures)
    assert sheet.dtype == np.uint8
    assert sheet.shape[2] == 4


def test_a_wrong_score_is_one_line_that_names_the_file(
    signals_json: dict[str, Any], latents_json: dict[str, Any]
) -> None:
    wrong = signals_json["wildlife_mnist"] | {"signals": {"shape": {"90": 101.0}}}
    with pytest.raises(UserError, match=r"^signals\.json: signals\.shape\.90: .*100"):
        parse_signals(wrong, "signals.json")
    with pytest.raises(UserError, match=r"^latents\.json: no scores for gan"):
        parse_latents({name: value for name, value in latents_json.items() if name != "gan"}, "latents.json")
