"""Two ranks on a CPU do what one does: the same bytes where nothing is summed, else the same to rounding."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.multiprocessing import ProcessRaisedException

from cgn import ranks
from cgn.data.encoded import EncodedImages
from cgn.data.sources import Images, OwnPart
from cgn.errors import UserError
from cgn.evaluation.cgn_scores import Judges, cgn_scores, gan_scores
from cgn.evaluation.params import CGNScoreParams
from cgn.generators.imagenet.training import TrainedCGN, accumulate_gradients, train_cgn, update_gradients
from cgn.generators.params import BigGANBudget, ImageNetCGNBudget
from cgn.generators.pretraining.biggan_training import train_biggan
from cgn.io.files import atomic_folder
from cgn.io.shards import Sample, sample_places, shard_paths, write_shards
from cgn.methods.ensemble import Ensemble, real_and_counterfactuals
from cgn.methods.params import ClassifierParams, HeadSmoothing
from cgn.methods.training import train
from cgn.metrics.accuracy import top_accuracy
from cgn.networks.backbones import random_backbone
from cgn.networks.biggan import build_biggan
from cgn.networks.ensemble import EnsembleNetwork
from cgn.networks.small_resnet import SmallResNet
from cgn.training.checkpoint import Checkpoint, fingerprint
from tests.unit.generators.imagenet.conftest import PARAMS, TINY, tiny_cgn, tiny_features
from tests.unit.generators.pretraining.conftest import BIGGAN
from tests.unit.in_ranks import in_two_ranks

BUDGET = ImageNetCGNBudget(steps=4, batch=2, accumulation=2, precision="fp32")
CPU = torch.device("cpu")
RANDOM = np.random.default_rng(0)
REAL = Images(RANDOM.integers(256, size=(40, 16, 16, 3), dtype=np.uint8), RANDOM.integers(3, size=40))


def judge() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 2))


def trained_cgn(path: Path, steps: int = 4, killed_at: int | None = None) -> tuple[TrainedCGN, Any]:
    """The training of a tiny CGN, whose second rank dies after some steps."""
    cgn = tiny_cgn(0)
    checkpoint = Checkpoint(path, "the same run", every_seconds=0)
    save, calls = checkpoint.save_if_due, iter(range(1000))

    def failing(state: Any) -> None:
        save(state)
        if next(calls) == killed_at and ranks.rank() == 1:
            raise OSError("killed")

    checkpoint.save_if_due = failing  # type: ignore[method-assign]
    made = train_cgn(cgn, build_biggan(TINY, 9), tiny_features(), judge(), PARAMS, BUDGET, 0, checkpoint)
    return made, cgn.generators.state_dict()


def train_and_die(folder: Path) -> None:
    trained_cgn(folder / "killed.pt", killed_at=2)


def cgn_gradients() -> dict[str, Any]:
    """Those of three batches, of which a rank has two, with a refinement network."""
    cgn, budget = tiny_cgn(0, features=4), BUDGET.model_copy(update={"accumulation": 3})
    cgan = build_biggan(TINY, 9).eval()
    accumulate = partial(accumulate_gradients, cgn, cgan, tiny_features(), PARAMS, budget)
    values = update_gradients(cgn, accumulate, PARAMS, budget, 0, 0)
    return {"values": torch.stack(values), "gradients": gradients(cgn.trained)}


def gradients(network: nn.Module) -> list[Tensor]:
    return [parameter.grad for parameter in network.parameters() if parameter.grad is not None]


def ensemble(shards: Path, folder: Path) -> dict[str, Any]:
    schedule = ClassifierParams(
        batch=8, optimizer="adam", learning_rate=0.01, warmup=0.1, learning_rate_decay=0.8, decays=2
    )

    def new() -> Ensemble:
        # From fewer than 8 channels, torch 2.14.1 corrupts memory on CPUs without AVX-512: a 1x1 convolution
        # of stride 2, backward.
        network = EnsembleNetwork(random_backbone(0, [8, 16]), 3, seed=1)
        return Ensemble(network, 4, schedule, HeadSmoothing(shape=0.1, texture=0.1, background=0.1))

    source = OwnPart(real_and_counterfactuals(REAL, shards, 1.0, 8, 0))
    once, algorithm = new(), new()
    once.to(CPU)
    once.network.eval()  # in a training each rank takes batch-norm statistics of its own images
    once.update(source.minibatches(0))
    history = train(algorithm, source, REAL, Checkpoint(folder / "ensemble.pt", "x", 0), CPU)
    state = algorithm.network.state_dict()
    return {"once": gradients(once.network), "history": history, "state": state}


def encoded(shards: Path) -> dict[str, Tensor]:
    """Minibatches (steps, n, ...) of images that are decoded when needed, with a label for each image."""
    places = [place for place, _ in sample_places(Path(shard) for shard in shard_paths(shards))]
    nothing = np.array([])
    images = EncodedImages(nothing, nothing, nothing, nothing, resolution=8, workers=0, mirror=True)
    source = images.at(places, np.arange(len(places))).source(8, 0, "x")
    batches = [batch for step in range(5) for batch in source.minibatches(step)]  # more than a pass
    return {name: torch.stack([getattr(batch, name) for batch in batches]) for name in ("images", "labels")}


def biggan(folder: Path) -> dict[str, Any]:
    budget, labels = BigGANBudget(steps=3, batch=4), REAL.labels % 2
    checkpoint = Checkpoint(folder / "biggan.pt", "x", 0)
    made = train_biggan(REAL.images, labels, TINY, BIGGAN, budget, 0, checkpoint, CPU)
    return {"history": made.history, "state": made.network.state_dict()}


def scores() -> dict[str, Any]:
    torch.manual_seed(2)
    cgn, cgan = tiny_cgn(0), build_biggan(TINY, 9).eval()
    params = CGNScoreParams(truncation=1.0, splits=2, network="classifier")
    segmenter = nn.Sequential(nn.Conv2d(3, 1, 1), nn.Sigmoid())
    judges = Judges(judge(), segmenter)
    return {
        "cgn": cgn_scores(cgn, cgan, judges, params, 110, 0),
        "gan": gan_scores(cgan, judges, params, 110, 0),
        "top": top_accuracy(SmallResNet(0, 6, [4, 8]), ((b.images, b.labels) for b in REAL.batches(9))),
    }


def order(folder: Path) -> dict[str, Any]:
    with atomic_folder(folder / "out") as temporary:  # of the first rank
        place = ranks.shared(temporary)
        for number in ranks.own(range(5)):
            (place / str(number)).touch()
        (temporary / f"rank {ranks.rank()}").touch()
        ranks.wait()
    return {"gathered": ranks.gathered([2 * item for item in ranks.own(range(7))])}


def work(folder: Path, shards: Path) -> None:
    made, state = trained_cgn(folder / "cgn.pt")
    results = {
        "cgn": {"history": made.history, "shares": made.gradient_shares, "state": state},
        "gradients": cgn_gradients(),
        "ensemble": ensemble(shards, folder),
        "encoded": encoded(shards),
        "biggan": biggan(folder),
        "scores": scores(),
        "order": order(folder),
        "fingerprint": fingerprint("params", [shards] if ranks.first() else []),
    }
    if ranks.count() == 2:
        with pytest.raises(
            UserError, match=r"^launch\.processes: 2 processes cannot share 3 images equally \(key\)"
        ):
            ranks.own_part(3, "key")
    torch.save(results, folder / f"rank_{ranks.rank()}.pt")


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generated") / "shards"
    samples = [
        Sample(
            image, {"index": i, "labels": {"shape": i % 3, "foreground": i // 3 % 3, "background": i // 9}}
        )
        for i, image in enumerate(REAL.images[:27])
    ]
    write_shards(folder, samples, images_per_shard=9)
    return folder


@pytest.fixture(scope="module")
def results(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What a process makes alone, and what each of two ranks makes."""
    torch.set_num_threads(1)
    alone, together = (tmp_path_factory.mktemp(name) for name in ("alone", "together"))
    work(alone, shards)
    in_two_ranks(work, together, shards)
    files = (alone / "rank_0.pt", together / "rank_0.pt", together / "rank_1.pt")
    return [torch.load(file, weights_only=True) for file in files]


def same(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def close(one: list[Tensor], other: list[Tensor]) -> bool:
    scale = max(float(tensor.abs().max()) for tensor in one)
    return all(torch.allclose(a, b, rtol=1e-5, atol=1e-5 * scale) for a, b in zip(one, other, strict=True))


def test_items_are_dealt_out_and_only_the_first_rank_writes(results: list[dict[str, Any]]) -> None:
    for made in results:
        assert made["order"]["gathered"] == [0, 2, 4, 6, 8, 10, 12]


def test_a_fingerprint_is_that_of_the_first(results: list[dict[str, Any]]) -> None:
    _alone, first, second = (made["fingerprint"] for made in results)
    assert first == second


def test_encoded_images_are_dealt_out(results: list[dict[str, Any]]) -> None:
    alone, first, second = (made["encoded"] for made in results)
    assert len(alone["labels"].unique()) == 27
    for name, whole in alone.items():
        assert first[name].shape[1] == second[name].shape[1] == 4
        assert torch.equal(torch.stack([first[name], second[name]], 2).flatten(1, 2), whole)


def test_gradients_of_the_cgn(results: list[dict[str, Any]]) -> None:
    alone, first, second = (made["gradients"] for made in results)
    assert same(first, second)
    assert same(first["values"], alone["values"])  # of each batch, in order
    assert close(first["gradients"], alone["gradients"])


def test_a_training_of_the_cgn(results: list[dict[str, Any]]) -> None:
    """A sum of two batches has one order only, so these bytes are equal."""
    alone, first, second = (made["cgn"] for made in results)
    assert same(alone, first)
    assert same(first, second)


def test_the_ensemble(results: list[dict[str, Any]]) -> None:
    alone, first, second = (made["ensemble"] for made in results)
    assert close(first["once"], alone["once"])
    assert same(first, second)
    assert [row["image_passes"] for row in first["history"]] == [16, 32]


def test_a_biggan(results: list[dict[str, Any]]) -> None:
    alone, first, second = (made["biggan"] for made in results)
    assert same(first, second)
    assert not same(first["state"], alone["state"])  # batch norms see half of the images
    assert [row["step"] for row in first["history"]] == [row["step"] for row in alone["history"]]


def test_scores_are_the_same(results: list[dict[str, Any]]) -> None:
    alone, first, second = (made["scores"] for made in results)
    assert alone == first == second


def test_two_are_killed_and_one_resumes(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    with pytest.raises(ProcessRaisedException, match="killed"):
        in_two_ranks(train_and_die, tmp_path)
    stored = torch.load(tmp_path / "killed.pt", weights_only=True)["state"]["step"]
    assert 0 < stored < BUDGET.steps
    made, state = trained_cgn(tmp_path / "killed.pt")
    straight, expected = trained_cgn(tmp_path / "straight.pt")
    assert same(state, expected)
    assert made.history == straight.history
