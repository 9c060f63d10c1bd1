"""The stage `pretrained_networks` with published files that lie in a mirror; and what it refuses."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ruamel.yaml import YAML

from cgn.generators.pretraining.stored import (
    load_cgan,
    load_features,
    load_saliency,
    load_segmenter,
    world_resolution,
)
from cgn.io.arrays import write_arrays
from cgn.io.files import read_json, write_json
from cgn.networks.biggan import BIGGAN_DEEP_128, build_biggan, sizes_of
from cgn.networks.u2net import U2NETP, U2Net
from cgn.networks.vgg import VGG16, PublishedVGG
from tests.conftest import copy_params

PUBLISHED = {"source": "published", "biggan": "biggan_deep_128", "saliency": "u2netp.pth"}
WORDNET = [f"n{number:08d}" for number in range(1000)]


@pytest.fixture
def folder(root: Path, tmp_path: Path) -> Path:
    """Where the stage runs: a world of ImageNet's classes, and a U2-Net-P that has learnt nothing."""
    copy_params(root, tmp_path)
    world = tmp_path / "data/imagenet/world"
    arrays = {"images": np.zeros((2, 48, 48, 3), dtype=np.uint8), "labels": np.zeros(2, dtype=np.int64)}
    write_arrays(world / "train.safetensors", arrays)
    write_json(world / "classes.json", WORDNET)
    torch.manual_seed(0)
    torch.save(U2Net(U2NETP).state_dict(), tmp_path / "u2netp.pth")
    return tmp_path


def run_with(folder: Path, root: Path, networks: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """Run the stage with these `pretrained_networks`, `folder`/mirror for its mirror and no network."""
    yaml = YAML()
    files = {name: yaml.load(folder / name) for name in ("params.yaml", "budgets/laptop.yaml", "assets.yaml")}
    params, sizes, assets = files.values()
    params["imagenet"]["world"] = "imagenet"
    params["threads"] = 1
    sizes["pretrained_networks"] = networks
    for asset in assets.values():
        name = asset["url"].rsplit("/", 1)[-1]
        asset["url"] = f"http://127.0.0.1:9/{name}"
        asset["sha256"] = None if (folder / "mirror" / name).exists() else "0" * 8
    for name, values in files.items():
        yaml.dump(values, folder / name)
    environment = {"PYTHONPATH": str(root), "no_proxy": "127.0.0.1"}
    folders = {"CGN_MIRRORS": str(folder / "mirror"), "CGN_CACHE": str(folder / "cache")}
    return subprocess.run(
        [sys.executable, "-m", "stages.pretrained_networks"],
        cwd=folder,
        env=environment | folders | {"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
    )


def refusal(folder: Path, root: Path, networks: dict[str, Any]) -> str:
    """The one line with which the stage ends; nothing is left behind."""
    done = run_with(folder, root, networks)
    assert done.returncode == 1, done.stderr
    assert not list((folder / "models/imagenet").iterdir())
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("pretrained_networks: error: ")
    return line


def test_a_saliency_that_is_no_name_and_no_file(folder: Path, root: Path) -> None:
    line = refusal(folder, root, PUBLISHED | {"saliency": "u2nett"})
    assert "saliency: u2nett is neither trained, u2net nor u2netp, nor a file" in line


def test_a_world_of_other_classes(folder: Path, root: Path) -> None:
    write_json(folder / "data/imagenet/world/classes.json", ["dog", "bird"])
    assert "classes.json: 2 classes, first dog; a published BigGAN draws the 1000" in refusal(
        folder, root, PUBLISHED
    )


def test_offline_the_address_and_the_way_by_hand_are_told(folder: Path, root: Path) -> None:
    line = refusal(folder, root, PUBLISHED)
    assert "vgg16_bn-6c64b313.pth: download failed" in line
    assert "or into a folder that CGN_MIRRORS names" in line


def test_the_committed_networks_are_of_the_emoji_world(folder: Path, root: Path) -> None:
    line = refusal(folder, root, {"source": "committed"})
    assert "imagenet.world is imagenet; set pretrained_networks.source of the profile to trained" in line


def test_a_given_saliency_stands_beside_trained_networks(folder: Path, root: Path) -> None:
    few = {"image_passes": 64}
    sizes = {"renders": 20, "held_out": 10, "biggan": {"steps": 1, "batch": 2}}
    sizes |= {"u2net": few, "vgg": few, "segmenter": few}
    done = run_with(folder, root, {"source": "trained", "saliency": "u2netp.pth"} | sizes)
    assert done.returncode == 0, done.stderr
    stored = folder / "models/imagenet/pretrained"
    given = torch.load(folder / "u2netp.pth")
    assert all(
        torch.equal(value, given[name]) for name, value in load_saliency(stored).network.state_dict().items()
    )
    assert list(read_json(stored / "networks.json")) == ["u2net"]
    assert set(read_json(stored / "scores.json")) == {"vgg", "segmenter"}
    assert sizes_of(load_cgan(stored)).resolution == 48
    assert load_features(stored).normalisation == "raw"
    assert load_segmenter(stored) is not None
    assert world_resolution(stored) is None


@pytest.mark.slow
def test_full_size_files_of_a_mirror(folder: Path, root: Path) -> None:
    """Random weights by the published names: 200 MB of BigGAN-deep, 550 MB of VGG."""
    mirror = folder / "mirror"
    mirror.mkdir()
    network = build_biggan(BIGGAN_DEEP_128, seed=1)
    torch.save(network.state_dict(), mirror / "biggan-deep-128-pytorch_model.bin")
    torch.save(PublishedVGG(VGG16).state_dict(), mirror / "vgg16_bn-6c64b313.pth")
    done = run_with(folder, root, PUBLISHED)
    assert done.returncode == 0, done.stderr
    stored = folder / "models/imagenet/pretrained"
    assert sorted(path.name for path in stored.iterdir()) == [
        *("biggan.safetensors", "networks.json", "u2net.safetensors", "vgg.safetensors")
    ]
    cgan, saliency = load_cgan(stored), load_saliency(stored)
    assert sizes_of(cgan) == BIGGAN_DEEP_128
    weight = "generator.conv_to_rgb.weight_orig"
    assert torch.equal(cgan.state_dict()[weight], network.state_dict()[weight])
    assert saliency.normalisation == "official"
    assert len(load_features(stored).layers) > 30
    assert world_resolution(stored) == 48
