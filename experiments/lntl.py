"""LNTL as its authors trained it, on Colored MNIST: `python -m experiments.lntl`, or some of `PARTS`.

Kim et al. (2019) report 81.8 %; the profile `paper` reaches less, with one classifier and one schedule for
all methods. Here is their procedure (code: feidfoe/learning-not-to-learn), and the same with one part
exchanged, to see what makes the difference. It is no stage, because no other method is trained so:

- images of 28 pixels, and their network, which is the released form of `DigitCNN` with another start;
- a head for each of R, G and B: two 3x3 convolutions and a batch norm, for 14x14 pixels in 8 levels;
- plain training, 100 passes at a rate of 0.01, then LNTL, 100 passes at 0.001; SGD with momentum 0.9,
  weight decay 5e-4, batch 128, a tenth of the rate after 40 and after 80 passes;
- two updates for each batch: label loss and 0.01 times the negative entropy of the heads, then the loss of
  the heads with the gradient reversed times 0.1.

A result is the accuracy on test digits with random cues; nothing is chosen by it. It is kept in
reports/lntl/<part>/seed_<k>.json.
"""

import math
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import pandas as pd
import torch
import typer
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from cgn.data.mnist.digits import load_digits
from cgn.data.mnist.variants import synthesize_splits
from cgn.data.sources import FixedImages, Images
from cgn.errors import UserError
from cgn.io.files import atomic_path, read_json, write_json
from cgn.io.pixels import from_bytes
from cgn.methods.lntl import IGNORED, reverse_gradient
from cgn.metrics.accuracy import accuracy, predict
from cgn.networks.digit_cnn import FEATURES, DigitCNN
from cgn.seeding import seed_for
from cgn.training.checkpoint import Checkpoint, fingerprint
from cgn.training.loop import Loop
from experiments.experiment import scratch_of
from experiments.settings import overridden
from stages.command import run_command

FOLDER = Path("reports/lntl")
BINS, ENTROPY_WEIGHT, REVERSAL_WEIGHT = 8, 0.01, 0.1
BATCH, PASSES = 128, 100  # of each phase


class Part(NamedTuple):
    """The procedure of one training."""

    meaning: str
    pixels: int = 28
    pretraining_rate: float = 0.01
    rate: float = 0.001
    two_updates: bool = True
    training_digits: int = 60_000
    variance: float = 0.02


PARTS = {
    "published": Part("as published, on our synthesis of the data"),
    "plain": Part("the plain training alone", rate=0.0),
    "one_update": Part("both losses in one update", two_updates=False),
    "pixels_32": Part("images of 32 pixels", pixels=32),
    "digits_50000": Part("50,000 training digits", training_digits=50_000),
}


class Head(nn.Sequential):
    """The levels of one channel, logits (n, 8, cells, cells) of features (n, 32, cells, cells)."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(FEATURES, FEATURES, 3, padding=1),
            nn.BatchNorm2d(FEATURES),
            nn.ReLU(),
            nn.Conv2d(FEATURES, BINS, 3, padding=1),
        )


def main(
    part: Annotated[list[str], typer.Argument(help="only these")] = list(PARTS),  # noqa: B006
    seed: int = 0,
    passes: Annotated[int, typer.Option(help="of each phase")] = PASSES,
    set_param: Annotated[list[str], typer.Option("-S", help="key=value, as of dvc exp run")] = [],  # noqa: B006
) -> None:
    """Train the parts that have no result yet, and keep each result as soon as it is known."""
    if unknown := [name for name in part if name not in PARTS]:
        raise UserError(f"PART {unknown[0]}: not one of {', '.join(PARTS)}")
    params = overridden(["profile=paper", f"seed={seed}", *set_param])
    torch.set_num_threads(params.threads)
    for name in part:
        if (path := FOLDER / name / f"seed_{seed}.json").exists():
            print(f"{path}: has its result")
            continue
        own = PARTS[name]
        # All digits of MNIST's training set train, as there; none is held out, since nothing is chosen.
        digits = load_digits(params.budgets.digits, seed)
        merged = {
            f"train_{of}": np.concatenate([digits[f"train_{of}"], digits[f"validation_{of}"]])
            for of in ("images", "labels")
        }
        merged = {key: array[: own.training_digits] for key, array in merged.items()}
        variant = params.mnist.variants.colored_mnist.model_copy(update={"variance": own.variance})
        arrays = synthesize_splits("colored_mnist", digits | merged, variant, None, 1, seed)
        arrays |= {key: _shrunk(arrays[key], own.pixels) for key in ("train_images", "test_images")}
        accuracies = trained(own, arrays, seed, passes, name)
        write_json(path, {"meaning": own.meaning, "passes": passes, **accuracies})
        for checkpoint in scratch_of("lntl").glob(f"{name}-*-{seed}.pt"):
            checkpoint.unlink()
        collect()


def _shrunk(images: NDArray[np.uint8], pixels: int) -> NDArray[np.uint8]:
    """Images (n, 32, 32, 3) without the rows and columns that up-sampling from 28 pixels repeated."""
    if pixels == 32:
        return images
    first = np.unique(np.arange(32) * pixels // 32, return_index=True)[1]
    return np.ascontiguousarray(images[:, first][:, :, first])


def levels(images: Tensor) -> Tensor:
    """The levels (n, 3, cells, cells) of images uint8 (n, 2 * cells, 2 * cells, 3); IGNORED where it is 0."""
    seen = images[:, 1::2, 1::2].permute(0, 3, 1, 2).long()  # what Pillow's nearest pixels are
    return torch.where(seen == 0, IGNORED, seen * BINS // 256)


def trained(part: Part, arrays: dict[str, Any], seed: int, passes: int, name: str) -> dict[str, float]:
    """Trains both phases; returns test_accuracy and that after the first phase, in percent."""
    images = Images(arrays["train_images"], arrays["train_labels"])
    source = FixedImages(images, BATCH, seed, "lntl", name)
    data = [sha256(array.tobytes()).hexdigest() for array in images]
    torch.manual_seed(seed_for(seed, "lntl", name))
    network = _started(DigitCNN(0, released=True))
    heads = nn.ModuleList(Head() for _ in range(3))
    reached: dict[str, float] = {}
    steps = passes * len(images.labels) // BATCH
    for phase, rate in (("plain", part.pretraining_rate), ("test", part.rate)):
        if rate == 0:
            reached[f"{phase}_accuracy"] = reached["plain_accuracy"]
            continue
        optimizers = {
            of: torch.optim.SGD(module.parameters(), rate, momentum=0.9, weight_decay=5e-4)
            for of, module in (("network", network), ("heads", heads))
        }
        run = fingerprint([part, seed, passes, phase, data], [])
        checkpoint = Checkpoint(scratch_of("lntl") / f"{name}-{phase}-{seed}.pt", run)
        loop = Loop(steps, checkpoint, f"{name}, {phase}")
        loop.keep(modules=nn.ModuleList([network, heads]), **optimizers)
        for step in loop:
            (batch,) = source.minibatches(step)
            network.train()
            for optimizer in optimizers.values():
                for group in optimizer.param_groups:
                    group["lr"] = rate * 0.1 ** (step * passes // steps // 40)
            if phase == "plain":
                loss = functional.cross_entropy(network(from_bytes(batch.images)), batch.labels)
                _descend(loss, [optimizers["network"]])
                loop.record(loss=loss)
            else:
                loop.record(**_unlearn(part, network, heads, batch, optimizers))
            if loop.every(steps // passes):
                loop.add_row(step=loop.done)
        found = predict(network, arrays["test_images"])
        reached[f"{phase}_accuracy"] = accuracy(found, arrays["test_labels"])
    return reached


def _started(network: DigitCNN) -> DigitCNN:
    """Draws the convolutions' weights as there: normal, with variance 2 / (outputs * pixels)."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            fan = module.out_channels * math.prod(module.kernel_size)
            nn.init.normal_(module.weight, 0.0, math.sqrt(2 / fan))
    return network


def _unlearn(
    part: Part, network: DigitCNN, heads: nn.ModuleList, batch: Any, optimizers: dict[str, Any]
) -> dict[str, Tensor]:
    """The two updates of LNTL on a batch, or one of the sum of their losses."""
    images, colors = from_bytes(batch.images), levels(batch.images)
    features = network.features(images)
    label_loss = functional.cross_entropy(network.classify(features), batch.labels)
    log_p = [
        torch.func.functional_call(head, dict(_held_fixed(head)), (features,)).log_softmax(dim=1)
        for head in heads
    ]
    negative_entropy = torch.stack([(p.exp() * p).sum(dim=1).mean() for p in log_p]).mean()
    loss = label_loss + ENTROPY_WEIGHT * negative_entropy
    if part.two_updates:
        _descend(loss, [optimizers["network"]])
        features, loss = network.features(images), torch.zeros(())
    read = reverse_gradient(features, REVERSAL_WEIGHT)
    color_losses = [
        functional.cross_entropy(head(read), colors[:, channel], ignore_index=IGNORED)
        for channel, head in enumerate(heads)
    ]
    color_loss = torch.stack(color_losses).sum()
    _descend(loss + color_loss, [*optimizers.values()])
    return {"loss": label_loss, "color_loss": color_loss / 3, "negative_entropy": negative_entropy}


def _held_fixed(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    return ((name, weight.detach()) for name, weight in module.named_parameters())


def _descend(loss: Tensor, optimizers: list[torch.optim.Optimizer]) -> None:
    for optimizer in optimizers:
        optimizer.zero_grad()
    torch.autograd.backward(loss)
    for optimizer in optimizers:
        optimizer.step()


def collect() -> None:
    """Writes the table of all results in `FOLDER`."""
    rows = [
        [PARTS[path.parent.name].meaning, path.stem.removeprefix("seed_"), found["passes"]]
        + [f"{found[of]:.1f}" for of in ("plain_accuracy", "test_accuracy")]
        for path in sorted(FOLDER.glob("*/seed_*.json"))
        if (found := read_json(path))
    ]
    columns = ["procedure", "seed", "passes of each phase", "plain training, %", "LNTL, %"]
    table = pd.DataFrame(rows, columns=columns).to_markdown(index=False)
    with atomic_path(FOLDER / "lntl.md") as temporary:
        temporary.write_text(
            "# LNTL on Colored MNIST, part by part\n\n`python -m experiments.lntl`. Test accuracy with random"
            f" cues; Kim et al. (2019): 81.8 %.\n\n{table}\n",
            encoding="utf-8",
        )


if __name__ == "__main__":
    run_command("lntl", {"lntl": main})
