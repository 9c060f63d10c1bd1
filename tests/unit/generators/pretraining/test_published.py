"""Published networks in a folder: what is stored is what later stages load, by what the folder says."""

import json
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from cgn.errors import UserError
from cgn.generators.params import SaliencyParams
from cgn.generators.pretraining.published import check_classes, store_biggan, store_saliency, store_vgg
from cgn.generators.pretraining.stored import (
    DESCRIPTION,
    PUBLISHED_VGGS,
    describe,
    load_cgan,
    load_features,
    load_judge,
    load_saliency,
    load_segmenter,
    world_resolution,
)
from cgn.networks import biggan, u2net, vgg
from cgn.networks.biggan import BigGANSizes, build_biggan, sizes_of
from cgn.networks.u2net import U2NET, U2NETP, U2Net
from cgn.networks.vgg import PublishedVGG
from tests.unit.generators.imagenet.conftest import TINY

WORDNET = [f"n{number:08d}" for number in range(1000)]
AT_96 = SaliencyParams(normalisation="official", resolution=96)
THIN = (4, "M", 4, "M", 4, "M", 4, "M", 4)


class Files(NamedTuple):
    biggan: Path
    vgg: Path
    u2netp: Path


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    """What a user downloads: here the BigGAN and the VGG are tiny ones that pass as the published."""
    monkeypatch.setitem(biggan.PUBLISHED_BIGGANS, "biggan_deep_256", TINY)
    monkeypatch.setitem(PUBLISHED_VGGS, "vgg16_bn", THIN)
    monkeypatch.setattr("cgn.generators.pretraining.published.VGG16", THIN)
    torch.manual_seed(0)
    found = Files(*(tmp_path / name for name in ("biggan.bin", "vgg16_bn.pth", "u2netp.pth")))
    torch.save(build_biggan(TINY, seed=5).state_dict(), found.biggan)
    torch.save(PublishedVGG(THIN).state_dict(), found.vgg)
    torch.save(U2Net(U2NETP).state_dict(), found.u2netp)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "pretrained"
    folder.mkdir()
    return folder


def test_what_is_stored_is_loaded_to_the_bit(files: Files, folder: Path) -> None:
    store_biggan(folder, "biggan_deep_256", files.biggan)
    store_vgg(folder, files.vgg)
    store_saliency(folder, files.u2netp, AT_96)
    describe(folder, {"segmenter": None, "resolution": 64})

    cgan, saliency, features = load_cgan(folder), load_saliency(folder), load_features(folder)
    assert sizes_of(cgan) == TINY
    assert features.normalisation == "imagenet"
    assert (saliency.normalisation, saliency.resolution) == ("official", 96)
    assert load_segmenter(folder) is None
    assert world_resolution(folder) == 64
    stored = torch.load(files.biggan)
    assert all(torch.equal(value, stored[name]) for name, value in cgan.state_dict().items())
    stored = torch.load(files.u2netp)
    assert all(torch.equal(value, stored[name]) for name, value in saliency.network.state_dict().items())
    stored = torch.load(files.vgg)
    layers = features.layers.state_dict()  # up to the fourth pool
    assert all(torch.equal(value, stored[f"features.{name}"]) for name, value in layers.items())
    assert len(layers) == 4 * 7
    assert load_judge(folder)(torch.zeros(1, 3, 32, 32)).shape == (1, 1000)
    for network in (cgan, saliency, features):
        assert not network.training
        assert not any(parameter.requires_grad for parameter in network.parameters())


def test_the_folder_says_in_words_what_it_holds(files: Files, folder: Path) -> None:
    store_saliency(folder, files.u2netp, AT_96)
    assert json.loads((folder / DESCRIPTION).read_text()) == {
        "u2net": {"architecture": "u2netp", "normalisation": "official", "resolution": 96}
    }
    assert world_resolution(folder) is None
    with pytest.raises(UserError, match=r"biggan\.safetensors: not found"):
        load_cgan(folder)  # a small one is expected where nothing else is said
    describe(folder, {"u2net": {"architecture": "u2net9"}})
    with pytest.raises(UserError, match=r"networks\.json: u2net: u2net9 is none of u2net, u2netp; run"):
        load_saliency(folder)


def test_a_file_of_another_network_is_named(files: Files, folder: Path) -> None:
    with pytest.raises(UserError, match=r"vgg16_bn\.pth: neither u2net nor u2netp of Qin et al"):
        store_saliency(folder, files.vgg, AT_96)
    with pytest.raises(UserError, match=r"absent\.pth: not found"):
        store_saliency(folder, folder / "absent.pth", AT_96)
    with pytest.raises(UserError, match=r"u2netp\.pth: not the weights of this network"):
        store_biggan(folder, "biggan_deep_256", files.u2netp)
    with pytest.raises(UserError, match=r"u2netp\.pth: not the weights of this network"):
        store_vgg(folder, files.u2netp)
    files.biggan.write_bytes(b"<html>")
    with pytest.raises(UserError, match=r"biggan\.bin: not a file of weights"):
        store_biggan(folder, "biggan_deep_256", files.biggan)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("sizes", [U2NET, U2NETP])
def test_a_published_u2net_is_known_by_its_shapes(sizes: u2net.U2NetSizes, tmp_path: Path) -> None:
    with torch.device("meta"):
        layout = U2Net(sizes).state_dict()
    torch.save(
        {name: torch.zeros(()).expand(value.shape) for name, value in layout.items()}, tmp_path / "a.pth"
    )
    assert u2net.PUBLISHED_U2NETS[u2net.published_u2net(tmp_path / "a.pth")] == sizes


def test_the_real_u2netp_is_known(shared_data: Path, folder: Path) -> None:
    store_saliency(folder, shared_data / "weights" / "u2netp.pth", AT_96)
    assert json.loads((folder / DESCRIPTION).read_text())["u2net"]["architecture"] == "u2netp"


def test_classes_are_those_of_imagenet_in_their_order() -> None:
    source = Path("classes.json")
    check_classes(WORDNET, source)
    for classes in (WORDNET[:9], WORDNET[::-1], [*WORDNET[:-1], "zebra"], ["dog", "bird"]):
        with pytest.raises(
            UserError, match=r"^classes\.json: \d+ classes, first .*imagenet\.world to imagenet"
        ):
            check_classes(classes, source)


def test_the_published_sizes_have_the_classes_of_imagenet() -> None:
    sizes: list[BigGANSizes] = list(biggan.PUBLISHED_BIGGANS.values())
    assert {size.resolution for size in sizes} == {128, 256}
    assert all(size.classes == 1000 for size in sizes)
    assert PUBLISHED_VGGS["vgg16_bn"] == vgg.VGG16
