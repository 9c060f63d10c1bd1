"""A miniature ImageNet through the whole preset, in two processes, cut off once and resumed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from cgn.networks.biggan import BIGGAN_DEEP_128, build_biggan
from cgn.networks.u2net import U2NETP, U2Net
from cgn.networks.vgg import VGG16, PublishedVGG
from tests.imagenet.test_classifiers import SMALL, without_hashes, write_images, write_mirror
from tests.pipeline.conftest import copy_project, environment_of, run_in
from tests.unit.networks.old_torch import save_as_old_torch, without_counters
from tests.unit.networks.test_publishers_files import exported

NARROW = Path(__file__).parent / "narrow"
PROFILE = "budgets/imagenet.yaml:"
SETTINGS = [
    *(*SMALL, "launch.processes=2", "imagenet.saliency.resolution=32", "imagenet.cgn.patch_size=8"),
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


def check(scores: dict[str, Any]) -> None:
    rows = ["in", "sin", "in_sin", "ensemble", "shape", "texture", "background"]
    assert list(scores["accuracy"]) == rows
    assert list(scores["in9"]) == rows
    assert list(scores["cue_conflict"]) == rows
    assert all({"mixed_same", "mixed_rand", "bg_gap"} <= row.keys() for row in scores["in9"].values())
    assert list(scores["cgn"]["ablation"]) == ["all", "no_shape", "no_text", "no_bg", "no_rec", "biggan"]
    assert scores["cgn"]["cgn"]["inception_score"] >= 1


@pytest.mark.slow
def test_with_fewer_channels(root: Path, tmp_path: Path) -> None:
    check(run_preset(root, tmp_path, narrow=True))


@pytest.mark.long
def test_with_all_channels(root: Path, tmp_path: Path) -> None:
    check(run_preset(root, tmp_path, narrow=False))
