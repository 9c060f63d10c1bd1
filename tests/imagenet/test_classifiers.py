"""A miniature ImageNet through the stages of classifiers: 1,000 classes, random weights as published."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import models

from cgn.data.class_maps import IN9_CLASSES
from cgn.io.arrays import read_arrays
from cgn.io.files import read_json, why_left_out
from cgn.io.shards import Sample, write_shards
from experiments import imagenet
from experiments.settings import override
from tests.conftest import copy_params
from tests.unit.networks.old_torch import save_as_old_torch, without_counters
from tests.unit.networks.test_publishers_files import archive

IDS = [f"n{number:08d}" for number in range(1000)]
SMALL = [
    *("imagenet.ilsvrc.resolution=64", "imagenet.ilsvrc.pack=true", "imagenet.classifier.batch=8"),
    *("imagenet.classifier.decays=2", "imagenet.classifier.decay_after=[0.5]"),
    *("imagenet.classifier.precision=fp32", "budgets/imagenet.yaml:train_ensemble.image_passes=24"),
    *("budgets/imagenet.yaml:imagenet_world.validation=20", "budgets/imagenet.yaml:imagenet_world.test=20"),
]
Stage = Callable[..., None]


def write_images(folder: Path) -> None:
    """ILSVRC as torchvision unpacks it, with two training images and a test image of each class."""
    rng = np.random.default_rng(0)
    for number, name in enumerate(IDS):
        for split, count in (("train", 2), ("val", 1)):
            (folder / split / name).mkdir(parents=True)
            for image in range(count):
                pixels = rng.integers(256, size=(12, 16, 3), dtype=np.uint8) // 2 + number % 128
                file = folder / split / name / f"{name}_{image}.JPEG"
                Image.fromarray(pixels.astype(np.uint8)).resize((80, 70)).save(file)


def without_hashes(assets: Path) -> None:
    """Of files made here no hash is known."""
    text = assets.read_text(encoding="utf-8")
    assets.write_text(re.sub(r"sha256: \w+", "sha256:", text), encoding="utf-8")


def write_mirror(mirror: Path, drafts: Path) -> None:
    """Random ResNet-50s and the test sets, in the files of their publishers."""
    (mirror / "hub/checkpoints").mkdir(parents=True)
    torch.manual_seed(0)
    state = models.resnet50().state_dict()
    save_as_old_torch(without_counters(state), mirror / "hub/checkpoints/resnet50-0676ba61.pth", gpu=False)
    stored = {"epoch": 60, "state_dict": without_counters(state, "module.")}
    save_as_old_torch(stored, mirror / "resnet50_train_60_epochs-c8e5653e.pth.tar")
    save_as_old_torch(stored, mirror / "resnet50_train_45_epochs_combined_IN_SF-2a0d100e.pth.tar")
    classes = [f"{number:02d}_{name}" for number, name in enumerate(IN9_CLASSES)]
    of_in9 = [f"{of}/val/{name}/1.JPEG" for of in ("mixed_same", "mixed_rand") for name in classes]
    archive(drafts / "a", "bg_challenge", of_in9, mirror / "backgrounds_challenge_data.tar.gz")
    archive(drafts / "b", "cue-conflict", ["cat/cat1-dog2.png"], mirror / "cue-conflict.tar.gz")


@pytest.fixture(scope="module")
def project(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the preset's parameters, the images, and a mirror of published files."""
    folder = tmp_path_factory.mktemp("project")
    copy_params(root, folder)
    write_images(folder / "images")
    override(folder, [*imagenet.settings_of("paper", "images", 0, "cpu", 1), *SMALL])
    without_hashes(folder / "assets.yaml")
    write_mirror(folder / "mirror", folder)
    return folder


@pytest.fixture
def stage(project: Path, root: Path) -> Stage:
    mirror = str(project / "mirror")
    environment = os.environ | {"PYTHONPATH": str(root), "CGN_MIRRORS": mirror, "TORCH_HOME": mirror}

    def run(*words: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", *words], cwd=project, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr[-3000:]

    return run


@pytest.mark.slow
def test_the_classifiers_of_tables_3_and_4(project: Path, stage: Stage) -> None:
    stage("stages.imagenet_world")
    world = project / "data/imagenet/world"
    assert not list(world.glob("*.safetensors"))
    assert len(list((world / "packed/train").glob("*.tar"))) >= 8
    stage("stages.train_imagenet_classifiers")
    classifiers = project / "models/imagenet/classifiers"
    assert why_left_out(classifiers / "mixed_rand")
    images = np.random.default_rng(1).integers(256, size=(24, 73, 73, 3), dtype=np.uint8)
    labels = {"shape": 1, "foreground": 2, "background": 3}
    samples = (Sample(image, {"index": i, "labels": labels}) for i, image in enumerate(images))
    write_shards(project / "data/imagenet/shards/counterfactuals", samples, images_per_shard=3)
    stage("stages.train_ensemble", "--shards", "counterfactuals", "--ensemble", "ensemble")
    weights = read_arrays(classifiers / "ensemble/weights.safetensors")
    assert weights["backbone.network.bn1.num_batches_tracked"] == 3  # the paper's statistics are not frozen
    for name in ("mixed_abducted", "ensemble_abducted"):
        (classifiers / name).mkdir()
        (classifiers / name / "left_out.txt").write_text("not made here\n")
    stage("stages.imagenet_accuracy")
    accuracies = read_json(project / "scores/imagenet/accuracy.json")
    assert list(accuracies) == ["in", "sin", "in_sin", "ensemble", "shape", "texture", "background"]
    assert all(0 <= row["test_images"]["top5"] <= 100 for row in accuracies.values())
    assert accuracies["in"] == accuracies["sin"]  # the same random weights
    models_of = [
        word for name in ("in", "ensemble") for word in ("--model", f"models/imagenet/classifiers/{name}")
    ]
    stage("stages.in9", *models_of, "--data", "data/imagenet/world/in9", "--out", "in9.json")
    stage(
        "stages.cue_conflict",
        *models_of,
        "--stimuli",
        "data/imagenet/world/cue_conflict",
        "--out",
        "cues.json",
    )
    assert set(read_json(project / "in9.json")["ensemble"]) >= {"mixed_same", "mixed_rand", "bg_gap"}
    assert read_json(project / "cues.json")["shape"]["images"] == 1
