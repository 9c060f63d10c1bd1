"""A miniature ImageNet through the whole preset, in two processes, cut off once and resumed."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import models

from cgn.data.class_maps import IN9_CLASSES
from cgn.io.arrays import read_arrays
from cgn.networks.biggan import BIGGAN_DEEP_128, build_biggan
from cgn.networks.u2net import U2NETP, U2Net
from cgn.networks.vgg import VGG16, PublishedVGG
from tests.pipeline.conftest import copy_project, environment_of, run_in
from tests.unit.networks.old_torch import save_as_old_torch, without_counters
from tests.unit.networks.test_publishers_files import archive, exported

IDS = [f"n{number:08d}" for number in range(1000)]
NARROW = Path(__file__).parent / "narrow"
PROFILE = "budgets/imagenet.yaml:"
SETTINGS = [
    *("imagenet.ilsvrc.resolution=64", "imagenet.ilsvrc.pack=true", "imagenet.classifier.batch=8"),
    *("imagenet.classifier.decays=2", "imagenet.classifier.decay_after=[0.5]"),
    *("imagenet.classifier.precision=fp32", f"{PROFILE}train_ensemble.image_passes=24"),
    *(f"{PROFILE}imagenet_world.validation=20", f"{PROFILE}imagenet_world.test=20"),
    *("launch.processes=2", "imagenet.saliency.resolution=32", "imagenet.cgn.patch_size=8"),
    *(
        f"{PROFILE}pretrained_networks.biggan=biggan_deep_128",
        f"{PROFILE}pretrained_networks.saliency=u2netp",
    ),
    *(f"{PROFILE}train_imagenet_cgn.steps=2", f"{PROFILE}ablate_imagenet_cgn.steps=1"),
    *(f"{PROFILE}{stage}.batch=1" for stage in ("train_imagenet_cgn", "ablate_imagenet_cgn")),
    *(f"{PROFILE}{stage}.accumulation=2" for stage in ("train_imagenet_cgn", "ablate_imagenet_cgn")),
    *(f"{PROFILE}{stage}.precision=fp32" for stage in ("train_imagenet_cgn", "ablate_imagenet_cgn")),
    "imagenet.cgn_score.network=classifier",  # of Inception there are no random weights here
    f"{PROFILE}score_imagenet_cgn.images=4",
    f"{PROFILE}sample_imagenet_counterfactuals.images=24",
    f"{PROFILE}sample_imagenet_counterfactuals.images_per_shard=8",
]


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
    (mirror / "hub/checkpoints").mkdir(parents=True)  # torch's folder, where no hash is asked for
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


def write_generators(mirror: Path, narrow: bool) -> None:
    """Random weights of BigGAN-deep, U2-Net-P and VGG16, in their publishers' formats."""
    sizes, channels = BIGGAN_DEEP_128, VGG16
    if narrow:  # as in narrow/sitecustomize.py
        sizes = sizes._replace(width=4)
        channels = tuple(entry // 16 if isinstance(entry, int) else entry for entry in VGG16)
    torch.manual_seed(0)
    save_as_old_torch(build_biggan(sizes, seed=1).state_dict(), mirror / "biggan-deep-128-pytorch_model.bin")
    exported(U2Net(U2NETP).eval(), mirror / "u2netp.onnx")
    state = without_counters(PublishedVGG(channels).state_dict())
    save_as_old_torch(state, mirror / "vgg16_bn-6c64b313.pth", gpu=False)


def run_preset(root: Path, folder: Path, narrow: bool) -> dict[str, Any]:
    """The scores of the run, which was interrupted while the CGN was trained."""
    (folder / "gitconfig").write_text("[user]\nname = Tests\nemail = tests@localhost\n")
    project = copy_project(root, folder / "project")
    write_images(folder / "images")
    mirror = folder / "mirror"
    write_mirror(mirror, folder)
    write_generators(mirror, narrow)
    without_hashes(project / "assets.yaml")
    for name in ("dvc.lock", "imagenet/dvc.lock"):
        (project / name).unlink()
    run = run_in(project)
    run("git", "init", "--quiet")
    run("git", "add", "--all")
    run("git", "commit", "--quiet", "--message", "miniature")
    places = os.pathsep.join([*([str(NARROW)] if narrow else []), str(project)])
    environment = environment_of(folder) | {
        "PYTHONPATH": places,
        "CGN_MIRRORS": str(mirror),
        "TORCH_HOME": str(mirror),
        "OMP_NUM_THREADS": "1",
    }
    words = ["-m", "experiments.imagenet", str(folder / "images"), "--device", "cpu", "--threads", "1"]
    command = [sys.executable, *words, *(word for setting in SETTINGS for word in ("-S", setting))]
    log = folder / "log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            command, cwd=project, env=environment, stdout=stream, stderr=stream, start_new_session=True
        )
        while "cgn:" not in (told := log.read_text()):  # the progress of the training of the CGN
            assert process.poll() is None, told[-4000:]
            time.sleep(0.5)
        os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C in a terminal
        assert process.wait() != 0
    assert "the same command goes on" in log.read_text()
    with log.open("w") as stream:
        status = subprocess.call(command, cwd=project, env=environment, stdout=stream, stderr=stream)
    told = log.read_text()
    assert status == 0, told[-6000:]
    assert "imagenet_world' is cached" in told  # what had ended is not repeated
    report = project / "reports/imagenet/paper/seed_0.json"
    tables = report.with_suffix(".md").read_text()
    assert [f"## Table {number}" in tables for number in (1, 3, 4)] == [True] * 3
    scores: dict[str, Any] = json.loads(report.read_text())
    return scores


def check_outputs(experiment: Any, folder: Path) -> None:
    """Nothing is decoded ahead, and the paper's statistics of batch norm are not frozen."""
    world = experiment.find("data/imagenet/world")
    assert not [path for path in world if path.endswith(".safetensors")]
    assert len([path for path in world if "packed/train/" in path and path.endswith(".tar")]) >= 8
    experiment.get_file("models/imagenet/classifiers/ensemble/weights.safetensors", str(folder / "weights"))
    weights = read_arrays(folder / "weights")
    assert weights["backbone.network.bn1.num_batches_tracked"] == 24 / 8  # images by batch


def check(scores: dict[str, Any]) -> None:
    rows = ["in", "sin", "in_sin", "ensemble", "shape", "texture", "background"]
    assert list(scores["accuracy"]) == rows
    assert list(scores["in9"]) == rows
    assert list(scores["cue_conflict"]) == rows
    assert all({"mixed_same", "mixed_rand", "bg_gap"} <= row.keys() for row in scores["in9"].values())
    assert list(scores["cgn"]["ablation"]) == ["all", "no_shape", "no_text", "no_bg", "no_rec", "biggan"]
    assert scores["cgn"]["cgn"]["inception_score"] >= 1
    assert scores["accuracy"]["in"] == scores["accuracy"]["sin"]  # the same random weights
    assert all(0 <= row["test_images"]["top5"] <= 100 for row in scores["accuracy"].values())
    assert scores["cue_conflict"]["shape"]["images"] == 1


@pytest.mark.slow
def test_with_fewer_channels(root: Path, tmp_path: Path) -> None:
    check(run_preset(root, tmp_path, narrow=True))


@pytest.mark.long
def test_with_all_channels(root: Path, tmp_path: Path) -> None:
    check(run_preset(root, tmp_path, narrow=False))
