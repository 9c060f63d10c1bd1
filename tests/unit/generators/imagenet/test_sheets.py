"""Sheets show the images that were asked for; in an interpolation one factor moves at a time."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from cgn.generators.imagenet.mechanisms import ImageNetCGN, Outputs
from cgn.generators.imagenet.sheets import MOVES, as_bytes, interpolate, outputs_of_class
from cgn.networks.biggan import truncated_noise

FRAMES = 5
# The mechanism whose output each of these is.
SOURCES = {"premask": "shape", "mask": "shape", "foreground": "foreground", "background": "background"}


@pytest.fixture
def cgn(make_cgn: Callable[[int], ImageNetCGN]) -> ImageNetCGN:
    return make_cgn(0)


@pytest.fixture
def noise() -> Tensor:
    return truncated_noise(0, "test", 0, 2, 4, 0.5)


@pytest.fixture
def moved(cgn: ImageNetCGN, noise: Tensor) -> dict[str, Outputs]:
    return interpolate(cgn, noise, (1, 0), FRAMES, 0.5)


def plain(cgn: ImageNetCGN, noise: Tensor, label: int) -> Outputs:
    cgn.truncation = 0.5
    with torch.inference_mode():
        return cgn.together(noise.unsqueeze(0), torch.tensor([label]))


def close(first: Tensor, second: Tensor) -> bool:
    return torch.allclose(first, second, atol=1e-5)


def test_all_moves_from_the_first_image_to_the_second(
    cgn: ImageNetCGN, noise: Tensor, moved: dict[str, Outputs]
) -> None:
    assert tuple(moved) == ("shape", "foreground", "background", "all")
    for frame, end, label in ((0, 0, 1), (FRAMES - 1, 1, 0)):
        for name, drawn in plain(cgn, noise[end], label)._asdict().items():
            assert close(getattr(moved["all"], name)[frame], drawn[0]), (frame, name)


def test_a_factor_moves_alone(moved: dict[str, Outputs]) -> None:
    for move, mechanisms in MOVES.items():
        for name, mechanism in SOURCES.items():
            drawn = getattr(moved[move], name)
            if mechanism in mechanisms:
                assert close(drawn, getattr(moved["all"], name)), (move, name)
                assert not close(drawn[0], drawn[-1]), (move, name)
            else:
                assert close(drawn, drawn[:1].expand_as(drawn)), (move, name)


def test_halfway_noise_and_class_are_means(
    cgn: ImageNetCGN, noise: Tensor, moved: dict[str, Outputs]
) -> None:
    mean = noise.mean(dim=0, keepdim=True)
    with torch.inference_mode():
        network = cgn.generators["background"]
        halfway = network(mean, torch.full((1, 2), 0.5), 0.5)
    assert close(moved["background"].background[FRAMES // 2], halfway[0])


def test_a_column_is_one_noise_for_all_mechanisms_and_classes(
    make_cgn: Callable[[int], ImageNetCGN],
) -> None:
    cgn = make_cgn(0)
    noise = truncated_noise(3, "sheets", 0, 4, 4, 0.5)
    for label in (0, 1):
        drawn = outputs_of_class(cgn, label, 4, 0.5, seed=3)
        with torch.inference_mode():
            expected = cgn.together(noise, torch.full((4,), label))
        assert all(torch.equal(one, other) for one, other in zip(drawn, expected, strict=True))
    assert cgn.truncation == 0.5
    more = outputs_of_class(cgn, 1, 6, 0.5, seed=3)
    torch.testing.assert_close(more.composite[:4], drawn.composite)


def test_white_is_object() -> None:
    image, mask = torch.full((2, 3, 4, 4), -1.0), torch.zeros(2, 1, 4, 4)
    mask[1] = 1
    pixels = as_bytes(Outputs(image, mask, image, image, image))
    assert tuple(pixels) == Outputs._fields
    assert pixels["mask"].shape == (2, 4, 4, 1)
    np.testing.assert_array_equal(pixels["mask"][:, 0, 0, 0], [0, 255])
    assert pixels["composite"].shape == (2, 4, 4, 3)
    assert pixels["composite"].max() == 0
