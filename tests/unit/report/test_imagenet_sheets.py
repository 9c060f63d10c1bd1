import numpy as np
from numpy.typing import NDArray

from cgn.evaluation.failure_cases import FailureCases
from cgn.report.imagenet_sheets import (
    MOVES,
    OUTPUTS,
    class_sheet,
    failure_sheet,
    failure_table,
    interpolation_frames,
    interpolation_sheet,
)

NAMES = ["dog", "wheeled_vehicle"]


Images = NDArray[np.uint8]


def marked(count: int, size: int, red: int, channels: int = 3) -> Images:
    """Images (count, size, size, channels) of a colour that no word has: those are grey."""
    images = np.zeros((count, size, size, channels), np.uint8)
    images[..., 0] = red
    return images


def pixels_of(picture: Images, red: int) -> tuple[int, float]:
    """How many pixels are of this colour, and the row where they lie, on average."""
    rows, _ = np.nonzero((picture == (red, 0, 0, 255)).all(axis=2))
    return len(rows), float(rows.mean()) if len(rows) else 0.0


def test_five_rows_in_the_order_of_the_paper() -> None:
    reds = {"premask": 101, "mask": 0, "foreground": 102, "background": 103, "composite": 104}
    outputs = {name: marked(3, 4, red, 1 if name == "mask" else 3) for name, red in reds.items()}
    picture = class_sheet(dict(reversed(outputs.items())), "wheeled_vehicle")
    found = [pixels_of(picture, red) for red in reds.values()]
    assert tuple(OUTPUTS) == ("premask", "mask", "foreground", "background", "composite")
    assert [count for count, _ in found] == [3 * 8 * 8] * 5  # each pixel doubled
    assert [row for _, row in found] == sorted(row for _, row in found)


def test_large_images_are_not_doubled() -> None:
    outputs = {name: marked(1, 128, 101) for name in OUTPUTS}
    assert pixels_of(class_sheet(outputs, "dog"), 101)[0] == 5 * 128 * 128


def moving(frames: int) -> dict[str, Images]:
    """The colour is the number of the frame."""
    return dict.fromkeys(MOVES, np.concatenate([marked(1, 4, 101 + frame) for frame in range(frames)]))


def test_the_still_picture_shows_both_ends() -> None:
    picture = interpolation_sheet([("dog", "wheeled_vehicle", moving(25))] * 2)
    shown = [value for value in range(101, 126) if pixels_of(picture, value)[0]]
    assert shown == list(range(101, 126, 3))
    assert pixels_of(picture, 101)[0] == 2 * 4 * 8 * 8  # pairs, what moves, a doubled image


def test_the_animation_goes_there_and_back() -> None:
    frames, times = interpolation_frames([("dog", "wheeled_vehicle", moving(4))])
    values = [next(value for value in range(101, 105) if pixels_of(frame, value)[0]) for frame in frames]
    assert values == [101, 102, 103, 104, 103, 102]
    assert times == [700, 80, 80, 700, 80, 80]
    assert len({frame.shape for frame in frames}) == 1


def test_failures_as_a_picture_and_as_a_table() -> None:
    pictures = {"x_gt": marked(2, 4, 101), "mask m": marked(2, 4, 0, channels=1)}
    labels, answers = np.array([0, 1]), np.array([1, 1])
    cases = FailureCases(np.array([7, 3]), labels, answers, np.array([1.25, 40.0]), 60.0, pictures)
    for rule in ("mask", "class"):
        picture = failure_sheet(rule, cases, NAMES, 20)
        assert pixels_of(picture, 101)[0] == pixels_of(picture, 0)[0] == 2 * 8 * 8
        assert pixels_of(picture, 101)[1] < pixels_of(picture, 0)[1]
    table = failure_table({"class": cases}, NAMES)
    assert table.columns.tolist() == ["rule", "image", "class", "recognised_as", "value", "mean"]
    assert table.values.tolist() == [
        ["class", 7, "dog", "wheeled_vehicle", 1.25, 60],
        ["class", 3, "wheeled_vehicle", "wheeled_vehicle", 40, 60],
    ]
