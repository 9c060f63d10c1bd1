from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cgn.generators.photos.factors import Factors
from cgn.io.files import read_json
from cgn.io.shards import Sample, write_shards
from cgn.report.photos import ROWS, gaps_by_class, metrics, write_photo_report

SIZE = 16
FACTORS = {
    "train": {"photos": 80, "usable_objects": 30, "mask_iou": None},
    "test_images": {"photos": 20, "usable_objects": 15, "mask_iou": None},
}


def scores(gap: float, shape_bias: float | None = 20.0) -> dict[str, Any]:
    """The scores of a seed: the first class has twice the gap of the second."""

    def in9(gap: float) -> dict[str, Any]:
        values = {"mixed_same": 80.0, "mixed_rand": 80.0 - gap, "bg_gap": gap, "only_bg_b": 30.0}
        return {name: {"value": value} for name, value in values.items()}

    row = {
        "top1": {"overall": {"value": 85.0}},
        "in9": {"overall": in9(gap), "by_class": {"cat": in9(2 * gap), "ant": in9(gap)}},
        "cue_conflict": {"overall": {"shape_bias": {"value": shape_bias}}},
    }
    return dict.fromkeys(ROWS, row)


def test_metrics_are_means_over_seeds_with_their_spread() -> None:
    found = metrics([scores(10.0), scores(14.0, None)], FACTORS)
    assert {key: found[key] for key in ("seeds", "photos", "usable_objects", "usable_photos")} == {
        "seeds": 2,
        "photos": 100,
        "usable_objects": 45.0,
        "usable_photos": 45,
    }
    plain = found["plain"]
    assert plain["bg_gap"] == 12.0
    assert plain["bg_gap_std"] == pytest.approx(2.83)
    assert (plain["shape_bias"], plain["shape_bias_std"]) == (20.0, 0.0)  # of the seed that has one
    assert set(found) >= {"plain", "mixed_rand", "ensemble", "shape", "texture", "background"}


def test_classes_are_ordered_by_the_plain_classifier(tmp_path: Path) -> None:
    assert list(gaps_by_class([scores(3.0)]).index) == ["cat", "ant"]


def test_the_page_and_its_sheet(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(256, size=(9, SIZE, SIZE, 3), dtype=np.uint8)
    names = [f"p{number}" for number in range(9)]
    factors = Factors(images, np.arange(9) % 2, images[..., 0], images, np.arange(9) < 6, names)
    lent = [{"index": row, "labels": {"shape": 0}, "photos": {"shape": f"p{row}"}} for row in range(5)]
    samples = [Sample(images[row], lent[row]) for row in range(5)]
    write_shards(tmp_path / "shards", samples, 5)
    how = {"source": "Photos <of> a test.", "minutes": 3, "command": "make photos PHOTOS=x"}
    write_photo_report(tmp_path / "report", [scores(10.0)], FACTORS, factors, tmp_path / "shards", how)
    page = (tmp_path / "report/index.html").read_text(encoding="utf-8")
    assert "Photos &lt;of&gt; a test." in page
    assert page.index('<th scope="row">cat</th>') < page.index('<th scope="row">ant</th>')
    assert read_json(tmp_path / "report/metrics.json")["plain"]["top1"] == 85.0
    # Five photos with a counterfactual in two rows, a line, and three without an object in one row.
    assert Image.open(tmp_path / "report/sheet.webp").size == (4 * (4 * 64 + 8), 2 * 64 + 16 + 64)
