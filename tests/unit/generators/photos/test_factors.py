from pathlib import Path

import numpy as np
import pytest
import torch

from cgn.errors import UserError
from cgn.generators.params import PatchParams, PhotoFactorsParams
from cgn.generators.photos.factors import (
    abduct,
    background,
    backgrounds,
    opaque,
    read_factors,
    saliency_masks,
    textures,
    usable,
    write_factors,
)
from cgn.io.arrays import write_arrays
from cgn.networks.u2net import U2NET_SMALL, Saliency, U2Net

SIZE = 32


def disc(radius: float, size: int = SIZE) -> np.ndarray:
    rows, columns = np.mgrid[:size, :size] - (size - 1) / 2
    return np.where(np.hypot(rows, columns) < radius, 255, 0).astype(np.uint8)


def test_masks_have_the_size_of_the_photos_and_do_not_depend_on_threads() -> None:
    torch.manual_seed(0)
    network = Saliency(U2Net(U2NET_SMALL), "official", 128)
    photos = np.random.default_rng(0).integers(256, size=(11, 48, 48, 3), dtype=np.uint8)
    threads, found = torch.get_num_threads(), []
    for count in (1, 2):
        torch.set_num_threads(count)
        found.append(saliency_masks(photos, network))
    torch.set_num_threads(threads)
    assert found[0].shape == (11, 48, 48)
    assert found[0].std() > 0
    assert np.array_equal(*found)
    assert saliency_masks(photos[:0], network).shape == (0, 48, 48)


def test_an_object_is_neither_too_small_nor_too_large_nor_all_around() -> None:
    frame = 255 - disc(14)
    touching = np.zeros((SIZE, SIZE), np.uint8)
    touching[:, :16] = 255  # fills one border, and half of two
    masks = np.stack([disc(2), disc(8), np.full((SIZE, SIZE), 255, np.uint8), frame, touching])
    assert usable(masks, (0.08, 0.75)).tolist() == [False, True, False, False, True]
    assert usable(masks, (0.0, 0.1)).tolist() == [True, False, False, False, False]


def test_doubt_becomes_a_decision() -> None:
    ramp = np.arange(0, 256, 15, dtype=np.uint8)[None, None]
    clear = opaque(ramp)[0, 0]
    assert np.all(clear[ramp[0, 0] < 38] == 0)
    assert np.all(clear[ramp[0, 0] >= 128] == 255)
    assert np.all(np.diff(clear.astype(int)) >= 0)


def test_the_background_keeps_what_is_not_the_object() -> None:
    photo = np.full((SIZE, SIZE, 3), (20, 120, 40), np.uint8)
    mask = disc(6)
    photo[mask > 0] = (250, 10, 10)
    empty = background(photo, mask, 0.05)
    far = disc(10) == 0
    assert np.array_equal(empty[far], photo[far])
    assert np.abs(empty.astype(int) - (20, 120, 40)).max() <= 1  # nothing red is left


def test_a_photo_that_is_all_object_has_its_mean_as_background() -> None:
    photo = np.random.default_rng(0).integers(256, size=(SIZE, SIZE, 3), dtype=np.uint8)
    empty = background(photo, np.full((SIZE, SIZE), 255, np.uint8), 0.05)
    assert np.array_equal(np.unique(empty.reshape(-1, 3), axis=0), [photo.mean(axis=(0, 1)).astype(np.uint8)])
    assert np.array_equal(backgrounds(photo[None], disc(5)[None], 0.05)[0], background(photo, disc(5), 0.05))


def test_the_texture_is_cut_from_the_object() -> None:
    params = PatchParams(patch_width=0.125, patch_grid=3, patch_candidates=9)
    photo = np.where(disc(8)[..., None] > 0, np.uint8(200), np.uint8(10)).repeat(3, axis=2)
    grid = textures(photo[None], disc(8)[None], np.random.default_rng(0).random((1, 9)), params)
    assert grid.shape == (1, SIZE, SIZE, 3)
    assert np.all(grid == 200)


def test_factors_are_read_with_their_photos(tmp_path: Path) -> None:
    world, folder = tmp_path / "world", tmp_path / "factors"
    photos = np.zeros((2, SIZE, SIZE, 3), np.uint8)
    write_arrays(world / "train.safetensors", {"images": photos, "labels": np.array([1, 0])})
    masks = np.stack([disc(8), disc(1)])
    params = PhotoFactorsParams(mask_interval=(0.08, 0.75), border=0.5, dilation=0.04)
    write_factors(folder / "train.safetensors", abduct(photos, masks, params))
    factors = read_factors(world, folder, "train")
    assert factors.names == ["train/0", "train/1"]
    assert factors.usable.tolist() == [True, False]
    assert np.array_equal(factors.masks, masks)
    (world / "index.csv").write_text(
        "path,class,split,bytes\na/1.jpg,a,train,5\na/2.jpg,a,test,5\nb/é.jpg,b,train,5\n"
    )
    assert read_factors(world, folder, "train").names == ["a/1.jpg", "b/é.jpg"]
    write_factors(folder / "train.safetensors", abduct(photos[:1], masks[:1], params))
    with pytest.raises(UserError, match="not of the photos"):
        read_factors(world, folder, "train")
