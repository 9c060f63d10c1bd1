"""Stages in two processes: the same bytes as in one, one line when one of them fails; Slurm's machines."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from cgn.data.class_maps import IN9_CLASSES
from cgn.generators.imagenet.mechanisms import ImageNetCGN, save_cgn
from cgn.generators.pretraining.stored import load_saliency, save_network, weights_file
from cgn.networks.biggan import BIGGAN_SMALL, build_biggan
from cgn.networks.classifier import Signature, write_signature
from cgn.networks.small_resnet import SmallResNet
from cgn.networks.u2net import U2NET_SMALL, U2Net
from experiments.settings import override
from tests.conftest import copy_params

SHARDS = Path("data/imagenet/shards/counterfactuals")
SAMPLE = "stages.sample_imagenet_counterfactuals"
IN9 = ("stages.in9", "--model", "classifier", "--data", "in9", "--out")
Stage = Callable[..., subprocess.Popen[str]]


@pytest.fixture(scope="module")
def project(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with networks that have learnt nothing, and a set of 20 images of IN-9."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("project")
    copy_params(root, folder)
    of_profile = "budgets/smoke.yaml:sample_imagenet_counterfactuals"
    settings = ["profile=smoke", "threads=1", f"{of_profile}.images=50", f"{of_profile}.images_per_shard=20"]
    override(folder, settings)
    pretrained, sizes = folder / "models/imagenet/pretrained", BIGGAN_SMALL._replace(start=2)
    pretrained.mkdir(parents=True)
    torch.manual_seed(0)
    save_network(weights_file(pretrained, "biggan"), build_biggan(sizes, seed=3))
    save_network(weights_file(pretrained, "u2net"), U2Net(U2NET_SMALL))
    (folder / "models/imagenet/cgn/all").mkdir(parents=True)
    save_cgn(folder / "models/imagenet/cgn/all", ImageNetCGN(sizes, load_saliency(pretrained), 1.0, 0))
    (folder / "classifier").mkdir()
    weights = {name: value.contiguous() for name, value in SmallResNet(0, 9, [4, 8]).state_dict().items()}
    save_file(weights, folder / "classifier/weights.safetensors")
    write_signature(folder / "classifier", Signature(list(IN9_CLASSES), 16))
    of_class = folder / "in9/mixed_rand/val/00_dog"
    of_class.mkdir(parents=True)
    for number in range(20):
        pixels = np.random.default_rng(number).integers(256, size=(16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(of_class / f"{number:02d}.png")
    return folder


@pytest.fixture
def start(project: Path, root: Path) -> Stage:
    """`start(processes, machines, stage, ...)` starts a stage."""

    def run(processes: int, machines: int, *words: str, **variables: str) -> subprocess.Popen[str]:
        override(project, [f"launch.processes={processes}", f"launch.machines={machines}"])
        environment = {"PYTHONPATH": str(root), "PATH": os.environ["PATH"]} | variables
        command = [sys.executable, "-m", *words]
        return subprocess.Popen(command, cwd=project, env=environment, stderr=subprocess.PIPE, text=True)

    return run


def ended(process: subprocess.Popen[str], status: int = 0) -> list[str]:
    """The lines of its standard error, without the progress."""
    told = re.sub(r"\r[^\n\r]*image/s\]", "", process.communicate()[1])
    assert process.returncode == status, told
    return [line.strip() for line in told.splitlines() if line.strip()]


def test_counterfactuals_are_the_same_bytes(start: Stage, project: Path, tmp_path: Path) -> None:
    """In one process, in two, and in one on each of two machines: an `srun` here starts both agents.

    Neither agent records the time of the stage, because both would write to the same file.
    """
    made = {}
    srun = tmp_path / "srun"
    srun.write_text('#!/bin/sh\nshift 3\n"$@" & first=$!\n"$@" && wait $first && ! ls .scratch/timings\n')
    srun.chmod(0o755)
    job = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "SLURM_JOB_ID": "7"}
    job["DVC_STAGE"] = "imagenet/dvc.yaml:sample"
    for name, processes, machines, variables in (("one", 1, 1, {}), ("two", 2, 1, {}), ("slurm", 2, 2, job)):
        ended(start(processes, machines, SAMPLE, **variables))
        made[name] = {path.name: path.read_bytes() for path in (project / SHARDS).iterdir()}
    assert sorted(made["one"]) == ["000000.tar", "000001.tar", "000002.tar"]
    assert made["one"] == made["two"] == made["slurm"]
    assert not list((project / ".scratch").glob(".ranks*"))
    assert [path.name for path in (project / ".scratch/timings").iterdir()] == ["sample.json"]


def test_scores_are_the_same_bytes(start: Stage, project: Path) -> None:
    told = [ended(start(n, 1, *IN9, f"{n}.json")) for n in (1, 2)]
    assert (project / "1.json").read_bytes() == (project / "2.json").read_bytes()
    assert [line.replace("2.json", "1.json") for line in told[1]] == told[0]  # the first rank alone tells


def test_a_mistake_that_one_rank_meets_is_one_line(start: Stage, project: Path) -> None:
    damaged = project / "in9/mixed_rand/val/00_dog/99.png"  # in the second batch, of the second rank
    damaged.write_bytes(b"no image")
    try:
        lines = ended(start(2, 1, *IN9, "bad.json"), status=1)
    finally:
        damaged.unlink()
    (told,) = (line for line in lines if "rror" in line)
    assert told.startswith("in9: error: in9/mixed_rand/val/00_dog/99.png: ")
    assert not (project / "bad.json").exists()


def test_a_rank_that_is_killed_ends_the_stage(start: Stage, project: Path) -> None:
    override(project, ["budgets/smoke.yaml:sample_imagenet_counterfactuals.images=100000"])
    process = start(2, 1, SAMPLE)
    ranks: list[psutil.Process] = []
    while len(ranks) < 2:
        time.sleep(0.1)
        assert process.poll() is None
        ranks = psutil.Process(process.pid).children()
    ranks[1].kill()
    lines = ended(process, status=1)
    assert lines[-1] == (
        "sample_imagenet_counterfactuals: error: one of its processes was ended by SIGKILL; the same command"
        " goes on"
    )
    assert not any(rank.is_running() for rank in ranks)


def test_what_keeps_ranks_from_starting_is_one_line(start: Stage) -> None:
    (line,) = ended(start(4, 2, *IN9, "x.json"), status=1)
    assert line.startswith("in9: error: launch.machines: 2 need a job of Slurm (docs/scaling.md)")
