"""Snapshots of a training: the score is the Inception Score of composites under the judge that is given."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from cgn.generators.imagenet.mechanisms import ImageNetCGN
from cgn.generators.imagenet.training import snapshot


class Constant(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return torch.zeros(len(images), 3)


class ByPlace(nn.Module):
    """Sure of a class that follows from the image's place in its batch."""

    def forward(self, images: Tensor) -> Tensor:
        return nn.functional.one_hot(torch.arange(len(images)) % 4, 4) * 50.0


def test_a_snapshot_holds_sheet_step_and_score(make_cgn: Callable[[int], ImageNetCGN]) -> None:
    cgn = make_cgn(0)
    taken = snapshot(cgn, ByPlace(), 40, 0, 7)
    assert taken["step"] == 7
    assert taken["inception_score"] == pytest.approx(4.0, abs=1e-3)  # four classes, evenly, without doubt
    assert snapshot(cgn, Constant(), 30, 0, 7)["inception_score"] == pytest.approx(1.0)
    for name in ("premask", "mask", "foreground", "background", "composite"):
        assert taken[name].dtype == torch.uint8
        assert taken[name].shape == (cgn.sizes.classes, 16, 16, 3)
    assert all(torch.equal(value, taken[name]) for name, value in snapshot(cgn, ByPlace(), 40, 0, 7).items())
