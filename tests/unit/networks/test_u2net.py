"""U2-Net: the official names, counts and weights; saliency that finds objects and lets gradients through."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from cgn.errors import UserError
from cgn.io.pixels import from_bytes
from cgn.networks.u2net import (
    U2NET,
    U2NET_SMALL,
    U2NETP,
    Block,
    Saliency,
    U2Net,
    U2NetSizes,
    load_u2net,
)

TINY = U2NetSizes(encoder=(Block(4, 8, 16), Block(4, 8, 16, dilated=True)), decoder=(Block(4, 8, 16),))


@pytest.fixture(scope="module")
def u2netp(shared_data: Path) -> U2Net:
    return load_u2net(U2NETP, shared_data / "weights" / "u2netp.pth")


# The published sizes: 176.3 MB and 4.7 MB as float32.
@pytest.mark.parametrize(("sizes", "parameters"), [(U2NET, 44_009_869), (U2NETP, 1_131_181)])
def test_has_the_published_number_of_parameters(sizes: U2NetSizes, parameters: int) -> None:
    with torch.device("meta"):
        network = U2Net(sizes)
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters


def test_names_are_the_official_ones() -> None:
    with torch.device("meta"):
        names = list(U2Net(U2NET).state_dict())
    assert names[0] == "stage1.rebnconvin.conv_s1.weight"
    assert "stage1.rebnconv6d.bn_s1.running_var" in names
    assert "stage1.rebnconv7d.conv_s1.weight" not in names
    assert "stage5d.rebnconv3d.conv_s1.bias" in names
    assert names[-4:] == ["side6.weight", "side6.bias", "outconv.weight", "outconv.bias"]


def test_maps_have_the_size_of_the_images_whatever_it_is() -> None:
    network = U2Net(U2NET_SMALL).eval()
    for size in ((32, 32), (48, 64), (37, 41)):
        assert network(torch.zeros(2, 3, *size)).shape == (2, 5, *size)


def test_dilated_blocks_see_as_far_as_pooled_ones() -> None:
    """RSU-4F keeps the resolution and dilates by 1, 2, 4, 8 and back."""
    block = U2Net(U2NETP)["stage5"]
    dilations = [module.dilation[0] for module in block.modules() if isinstance(module, torch.nn.Conv2d)]
    assert dilations == [1, 1, 2, 4, 8, 4, 2, 1]


def test_a_small_one_learns_and_then_lets_gradients_through() -> None:
    torch.manual_seed(0)
    squares = torch.full((8, 3, 24, 24), -1.0)
    masks = torch.zeros(8, 1, 24, 24)
    for index in range(8):
        top, left = index * 2, 14 - index * 2
        squares[index, :, top : top + 10, left : left + 10] = 1
        masks[index, :, top : top + 10, left : left + 10] = 1
    network = U2Net(TINY)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(30):
        logits = network(squares)
        optimizer.zero_grad()
        functional.binary_cross_entropy_with_logits(logits, masks.expand_as(logits)).backward()
        optimizer.step()

    saliency = Saliency(network, "raw", resolution=None)
    saliency.train()
    images = squares.clone().requires_grad_(True)
    found = saliency(images)
    assert found.shape == masks.shape
    assert ((found > 0.5) == (masks > 0.5)).float().mean() > 0.97
    assert torch.equal(saliency(images), found)  # its batch norms stay frozen in train()
    found.mean().backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0
    assert all(parameter.grad is None or not parameter.requires_grad for parameter in network.parameters())


def test_official_normalisation_does_not_depend_on_the_exposure() -> None:
    torch.manual_seed(0)
    network = U2Net(TINY)
    bright = torch.rand(2, 3, 32, 32)
    dark = bright / 2
    official, raw = (Saliency(network, way, resolution=32) for way in ("official", "raw"))
    assert torch.allclose(official(bright * 2 - 1), official(dark * 2 - 1), atol=1e-6)
    assert not torch.allclose(raw(bright * 2 - 1), raw(dark * 2 - 1), atol=1e-3)
    assert official(torch.full((1, 3, 32, 32), -1.0)).isfinite().all()


def test_published_weights_find_a_photographed_object(u2netp: U2Net, shared_data: Path) -> None:
    """Labelled boxes: saliency is higher inside of the box than outside of it, on most photographs."""
    folder = shared_data / "tiny_imagenet_in9"
    header, *rows = (line.split("\t") for line in (folder / "labels.tsv").read_text().splitlines())
    at = {name: header.index(name) for name in header}
    rows = [row for row in rows if row[at["x0"]]]
    rows = rows[:: len(rows) // 6][:6]
    with zipfile.ZipFile(folder / "images.zip") as archive:
        pixels = [
            np.asarray(Image.open(archive.open(f"{row[at['split']]}/{row[at['file']]}")).convert("RGB"))
            for row in rows
        ]
    with torch.no_grad():
        maps = Saliency(u2netp, "official", 160)(from_bytes(torch.from_numpy(np.stack(pixels))))
    assert maps.min() >= 0
    assert maps.max() <= 1
    inside = torch.zeros_like(maps, dtype=torch.bool)
    for index, row in enumerate(rows):
        x0, y0, x1, y1 = (int(row[at[name]]) for name in ("x0", "y0", "x1", "y1"))
        inside[index, :, y0 : y1 + 1, x0 : x1 + 1] = True
    higher = [
        maps[i][inside[i]].mean() > maps[i][~inside[i]].mean()
        for i in range(len(rows))
        if not inside[i].all()
    ]
    assert np.mean(higher) >= 0.8


def test_other_weights_are_refused(shared_data: Path) -> None:
    path = shared_data / "weights" / "u2netp.pth"
    with pytest.raises(UserError, match=r"u2netp\.pth: not the weights of this network: \d+ tensors differ"):
        load_u2net(U2NET, path)
