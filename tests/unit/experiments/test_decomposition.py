"""Training images of parts of different origin, and the table of what they teach."""

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cgn.data.mnist.variants import synthesize_splits
from cgn.generators.mnist.mechanisms import CGN, CGNConfig
from cgn.io.files import write_json
from cgn.networks.unet import Segmenter
from experiments import decomposition, recombination
from experiments.decomposition import ROWS, paired_by_image
from experiments.recombination import Recombination
from tests.conftest import packaged_digits

VARIANT = "double_colored_mnist"


@pytest.fixture(scope="module")
def digits() -> Any:
    return packaged_digits(60, 10, 30)


@pytest.fixture
def parts(workspace: Path, digits: Any, monkeypatch: pytest.MonkeyPatch) -> Recombination:
    """The parts of a run whose networks are not trained; only DVC is left out."""

    def read(name: str, variant: str, scratch: Path) -> Any:
        own = recombination.overridden(["profile=smoke"]).mnist.variants.double_colored_mnist
        arrays = synthesize_splits(variant, digits, own, None, 1, 0)
        torch.manual_seed(0)
        cgn = CGN(CGNConfig(4, 3, 4, 7.0, "shift", 8, "plain")).eval().requires_grad_(False)
        for kind in ("cgn", "segmenter"):
            (scratch / kind).mkdir(parents=True)
            (scratch / kind / "weights.safetensors").write_bytes(b"")
        return recombination._Read(digits, {}, arrays, cgn, Segmenter([4, 8]).eval())

    monkeypatch.setattr(recombination, "run_target", lambda *_: {"command": "dvc", "commit": "c"})
    monkeypatch.setattr(recombination, "_read", read)
    return Recombination(VARIANT, ["profile=smoke", "seed=0"])


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_every_row_has_as_many_shapes_and_new_textures_in_every_pass(
    row: decomposition.Row, parts: Recombination
) -> None:
    draw = parts.draw(row.masks, row.textures)
    first, second, again = draw(0), draw(1), draw(0)
    assert first.images.shape == (60, 32, 32, 3)
    np.testing.assert_array_equal(first.images, again.images)
    np.testing.assert_array_equal(first.labels, second.labels)
    assert (first.images != second.images).mean() > 0.5
    if row.masks != "cgn":
        np.testing.assert_array_equal(first.labels, parts.digits["train_labels"])


def test_cut_out_textures_are_those_of_other_classes(parts: Recombination) -> None:
    """With true masks an image has the colours of the object of one image and of the ground of another."""
    drawn = parts.draw("true", "cut")(0).images
    inside = parts.masks("true") > 0
    own = parts.params.mnist.variants.double_colored_mnist
    palette = np.array(own.colors)
    kinds = set()
    for image, mask in zip(drawn, inside, strict=True):
        object_color, ground = image[mask], image[~mask]
        assert np.ptp(object_color, axis=0).max() == np.ptp(ground, axis=0).max() == 0
        classes = [np.abs(palette - part[0]).sum(axis=1).argmin() for part in (object_color, ground)]
        kinds.add(((classes[0] - own.foreground_shift) % 10, classes[1]))
    assert len({front for front, _ in kinds}) > 7
    assert sum(front != back for front, back in kinds) > 20


def test_a_row_is_trained_and_scored(parts: Recombination) -> None:
    found = decomposition._measured(parts, "clusters_cut")
    right = decomposition.right_of(found)
    assert len(right) == 30
    assert found["test_accuracy"] == pytest.approx(100 * right.mean())
    assert found["mask_iou"] == pytest.approx(1, abs=0.02)
    assert (found["images"], found["shapes"]) == (10 * 32, 60)
    biased = decomposition._measured(parts, "abducted_biased")
    assert biased["images"] == 10 * 29


def test_only_what_is_clear_of_chance_is_a_difference() -> None:
    random = np.random.default_rng(0)
    oracle = random.random(2000) < 0.9
    better = oracle | (random.random(2000) < 0.3)
    assert "clear of 0" in paired_by_image(better, oracle)
    shuffled = random.permutation(oracle)
    assert "clear of 0" not in paired_by_image(shuffled, oracle)


def test_the_table_compares_with_the_oracle_and_with_abduction_of_the_same_seeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for row, accuracies in (("oracle", [96.0, 97.0]), ("abducted", [95.0, 96.2]), ("cgn", [90.0])):
        for seed, accuracy in enumerate(accuracies):
            right = np.arange(100) < accuracy
            packed = base64.b64encode(np.packbits(right)).decode()
            kept = {"test_accuracy": accuracy, "right": packed, "test_images": 100}
            write_json(decomposition._path("wildlife_mnist", row, seed), kept)
    decomposition.collect()
    text = (tmp_path / "reports/decomposition/decomposition.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line[:2] == "| "
    ]
    assert [row[5:] for row in rows[1:]] == [
        ["90.0 (1)", "-6.0 (-11.0 to -2.0), clear of 0", "-5.0 (-10.0 to -1.0), clear of 0"],
        ["95.6 ± 0.8 (2)", "−0.9 ± 1.3", "–"],
        ["96.5 ± 0.7 (2)", "–", "+0.9 ± 1.3"],
    ]
