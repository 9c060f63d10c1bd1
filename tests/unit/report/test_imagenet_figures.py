import re

import numpy as np
import pandas as pd
import pytest

from cgn.report.ablation import ABLATIONS
from cgn.report.imagenet_figures import PANELS, mask_mean_curves, mechanisms_over_training


def test_a_curve_for_each_ablation_and_equal_bytes() -> None:
    steps = np.arange(1, 6)
    histories = {
        name: pd.DataFrame({"step": steps, "mask_mean": 0.1 * number + 0.01 * steps})
        for number, name in enumerate(ABLATIONS)
    }
    text = mask_mean_curves(histories)
    for label in ("all losses", "without L_shape", "without L_text", "without L_bg", "without L_rec"):
        assert f"<!-- {label} -->" in text
    assert text == mask_mean_curves(histories)
    histories["all"] = histories["all"] * 1.5
    assert text != mask_mean_curves(histories)


@pytest.mark.parametrize(("low", "high", "from_zero"), [(0.18, 0.24, False), (0.05, 0.3, True), (0, 1, True)])
def test_lines_in_a_narrow_band_can_be_told_apart(low: float, high: float, from_zero: bool) -> None:
    values = np.linspace(low, high, 60)
    histories = {name: pd.DataFrame({"step": range(60), "mask_mean": values}) for name in ABLATIONS}
    text = mask_mean_curves(histories)

    lines = [
        [float(y) for y in re.findall(r"L [\d.-]+ ([\d.-]+)", path)]
        for path in re.findall(r' d="([^"]*)"', text)
    ]
    axis = 273.6 * (0.95 - 0.13)
    spans = [(max(line) - min(line)) / axis for line in lines if len(line) > 50]
    assert len(spans) == len(ABLATIONS)
    assert min(spans) > 0.75
    assert ("<!-- 0.00 -->" in text or "<!-- 0.0 -->" in text) == from_zero


def test_the_first_and_the_last_step_are_shown() -> None:
    count = 8
    arrays = {name: np.full((count, 2, 4, 4, 3), 255, np.uint8) for name in PANELS}
    arrays["mask"][0], arrays["mask"][-1] = 1, 2
    arrays["composite"][-1] = 3
    panels = mechanisms_over_training({"step": np.arange(count)} | arrays, ("a_dog", "b_cat"))
    pixels = np.concatenate([panel[..., :3].reshape(-1, 3) for panel in panels])
    shown = {value: int((pixels == value).all(axis=1).sum()) for value in (1, 2, 3)}
    # Two classes of 4 x 4 pixels, each pixel doubled.
    assert shown == dict.fromkeys((1, 2, 3), 2 * 8 * 8)
