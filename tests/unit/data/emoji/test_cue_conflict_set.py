"""The cue-conflict set: every shape under every surface, in files that the scorer reads."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from cgn.data.class_maps import IN9_CLASSES
from cgn.data.emoji.in9_and_cue_conflict import GREY, cue_conflict_images, write_cue_conflict_set
from cgn.evaluation.shape_bias import find_stimuli
from cgn.io.image_folders import Skipped

RESOLUTION = 48
Key = tuple[int, int, int]  # shape, surface, number


@pytest.fixture(scope="module")
def stimuli() -> dict[Key, NDArray[np.uint8]]:
    drawn = cue_conflict_images(2, resolution=RESOLUTION, seed=0)
    return {(stimulus.shape, stimulus.surface, stimulus.number): stimulus.image for stimulus in drawn}


def test_every_pair_of_classes_is_there(stimuli: dict[Key, NDArray[np.uint8]]) -> None:
    assert sorted(stimuli) == [(s, t, n) for s in range(9) for t in range(9) for n in (1, 2)]
    assert len({image.tobytes() for image in stimuli.values()}) == 162


def test_a_shape_is_the_same_under_every_surface(stimuli: dict[Key, NDArray[np.uint8]]) -> None:
    for shape in range(9):
        for number in (1, 2):
            images = [stimuli[shape, surface, number] for surface in range(9)]
            empty = np.stack([(image == GREY).all(axis=-1) for image in images])
            assert (empty == empty[0]).mean() > 0.995  # a rim of little coverage may round to grey
            assert 0.5 < empty[0].mean() < 0.95


def test_a_surface_is_the_same_on_every_shape(stimuli: dict[Key, NDArray[np.uint8]]) -> None:
    """Lines of the drawing darken a colour and leave its proportions as they are."""
    for surface in range(9):
        first, second = (stimuli[shape, surface, 1].astype(float) for shape in (0, 5))
        # The middle of both objects: no grey of the rim is mixed in.
        inside = eroded(first) & eroded(second)
        assert inside.sum() > 30
        third = stimuli[5, surface, 2].astype(float)
        colours = [
            image[inside] / image[inside].sum(axis=1, keepdims=True) for image in (first, second, third)
        ]
        # Medians: here and there a gap of the drawing is narrower than a pixel, and grey shows through.
        same, another = (np.median(np.abs(colours[0] - colour)) for colour in colours[1:])
        assert same < 0.005
        assert another > 2 * same


def eroded(image: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Pixels of the object whose eight neighbours belong to it, too."""
    padded = np.pad((image != GREY).any(axis=-1), 1)
    shifts = [padded[i : i + RESOLUTION, j : j + RESOLUTION] for i in range(3) for j in range(3)]
    return np.logical_and.reduce(shifts)


def test_the_scorer_finds_the_conflicting_ones(
    stimuli: dict[Key, NDArray[np.uint8]], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_cue_conflict_set(tmp_path / "set", images_per_pair=2, resolution=RESOLUTION, seed=0)
    assert len(list((tmp_path / "set").rglob("*.png"))) == 162
    found = find_stimuli(tmp_path / "set", list(IN9_CLASSES), Skipped())
    assert caplog.text == ""
    pairs = Counter((stimulus.shape, stimulus.texture) for stimulus in found)
    assert len(pairs) == 72
    assert set(pairs.values()) == {2}
    path = tmp_path / "set" / "wheeled_vehicle" / "wheeled_vehicle2-fish2.png"
    np.testing.assert_array_equal(np.asarray(Image.open(path)), stimuli[2, 8, 2])


def test_a_small_set_is_the_beginning_of_a_large_one(tmp_path: Path) -> None:
    for count in (1, 2):
        write_cue_conflict_set(tmp_path / str(count), images_per_pair=count, resolution=32, seed=0)
    small = sorted(path.relative_to(tmp_path / "1") for path in (tmp_path / "1").rglob("*.png"))
    assert len(small) == 81
    for path in small:
        assert (tmp_path / "1" / path).read_bytes() == (tmp_path / "2" / path).read_bytes()
