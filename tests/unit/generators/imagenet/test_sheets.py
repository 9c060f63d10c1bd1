from collections.abc import Callable

import numpy as np
import torch

from cgn.generators.imagenet.mechanisms import ImageNetCGN, Outputs
from cgn.generators.imagenet.sheets import as_bytes, outputs_of_class
from cgn.networks.biggan import truncated_noise


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
