"""Abduction from photos: the mask of the object, the background without it, and the object's texture.

A photo x gives a mask m, the saliency of a frozen U2-Net; a background b, x with the object removed and the
gap in-painted; and a texture f, the patch grid of the paper (appendix C.2). Any photo can lend any of the
three.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from cgn.data.photos.entries import read_entries
from cgn.data.photos.own_masks import read_own_masks
from cgn.errors import UserError
from cgn.generators.ahead import in_blocks
from cgn.generators.imagenet.patches import patch_grid
from cgn.generators.params import PatchParams, PhotoFactorsParams
from cgn.io.arrays import read_arrays, write_arrays
from cgn.io.pixels import from_bytes
from cgn.metrics.masks import mask_iou
from cgn.networks.u2net import Saliency

Bytes = NDArray[np.uint8]

_BLOCK = 8  # photos segmented at once by a thread
OBJECT = 51  # a pixel whose mask is above this fifth of 255 is removed from the background
_DOUBT = (38, 128)  # masks below are no object, those above nothing else
_SEEN = 3  # pixels beside the gap that the in-painting looks at


class Factors(NamedTuple):
    """Labelled photos with their abducted factors. `names` tell the photos apart in metadata."""

    images: Bytes  # (n, r, r, 3)
    labels: NDArray[np.int64]  # (n,)
    masks: Bytes  # (n, r, r), 255 on the object
    backgrounds: Bytes  # (n, r, r, 3)
    usable: NDArray[np.bool_]  # (n,), whether the mask is that of an object
    names: list[str]


def saliency_masks(photos: Bytes, saliency: Saliency, device: torch.device | None = None) -> Bytes:
    """The masks (n, h, w) of photos (n, h, w, 3), 255 on the object.

    `saliency` has the resolution at which it computes; masks have that of the photos. Photos are computed in
    fixed blocks by one thread each, so the masks do not depend on the number of threads.
    """
    network = saliency.to(device or torch.device("cpu"))

    def block(first: int) -> list[Bytes]:
        part = torch.from_numpy(photos[first : first + _BLOCK]).to(device or "cpu")
        with torch.inference_mode():
            masks = network(from_bytes(part))[:, 0]
        return list(masks.mul(255).round().to(torch.uint8).cpu().numpy())

    blocks = in_blocks(block, _BLOCK, 0, len(photos), torch.get_num_threads())
    shown = tqdm(blocks, desc="masks", total=len(photos), unit="photo", delay=5)
    return _stacked(shown, photos.shape[:3])


def masks_of_world(world: Path, split: str, photos: Bytes, saliency: Saliency, device: torch.device) -> Bytes:
    """The masks (n, r, r) of the photos of a split: the user's, and `saliency_masks` where there is none."""
    own = read_own_masks(world, split)
    if own is None:
        return saliency_masks(photos, saliency, device)
    masks, missing = own["masks"].copy(), ~own["given"]
    masks[missing] = saliency_masks(photos[missing], saliency, device)
    return masks


def usable(masks: Bytes, interval: tuple[float, float], border: float = 0.5) -> NDArray[np.bool_]:
    """Whether each mask (n, h, w) is that of an object (n,).

    Its mean, of 0 to 1, is inside of `interval`, and it covers less than the share `border` of at least one
    of the four borders.
    """
    share = masks.mean(axis=(1, 2)) / 255
    sides = np.stack([masks[:, 0], masks[:, -1], masks[:, :, 0], masks[:, :, -1]], axis=1)
    all_around = (sides.mean(axis=2) >= border * 255).all(axis=1)
    low, high = interval
    return np.asarray((low <= share) & (share <= high) & ~all_around)


def opaque(masks: Bytes) -> Bytes:
    """Masks (n, h, w) with more contrast.

    A U2-Net in doubt answers with grey, where a composite would show both images.
    """
    low, high = _DOUBT
    clear = (masks.astype(np.float32) - low) * (255 / (high - low))
    return np.asarray(clear.clip(0, 255).round(), dtype=np.uint8)


def background(photo: Bytes, mask: Bytes, dilation: float) -> Bytes:
    """A photo (h, w, 3) without its object, whose place is in-painted (Telea 2004) and smoothed.

    The object is the mask (h, w), grown by `dilation`, a share of the width. Smoothing removes the streaks of
    the in-painting, in which a classifier could see the outline of the object. If the object is all of the
    photo, the background is its mean colour.
    """
    grown = max(1, round(dilation * photo.shape[1]))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * grown + 1, 2 * grown + 1))
    gap = cv2.dilate((mask > OBJECT).astype(np.uint8), disc)
    if gap.all():
        return np.broadcast_to(photo.mean(axis=(0, 1)).astype(np.uint8), photo.shape).copy()
    filled = cv2.inpaint(np.ascontiguousarray(photo), gap, _SEEN, cv2.INPAINT_TELEA)
    smooth = cv2.GaussianBlur(filled, (0, 0), grown / 2)
    return np.where(gap[..., None] > 0, smooth, photo).astype(np.uint8)


def backgrounds(photos: Bytes, masks: Bytes, dilation: float) -> Bytes:
    """The `background` of each photo (n, h, w, 3)."""

    def block(first: int) -> list[Bytes]:
        rows = range(first, min(first + _BLOCK, len(photos)))
        return [background(photos[row], masks[row], dilation) for row in rows]

    return _stacked(in_blocks(block, _BLOCK, 0, len(photos), torch.get_num_threads()), photos.shape)


def textures(photos: Bytes, masks: Bytes, draws: NDArray[np.float64], params: PatchParams) -> Bytes:
    """Patch grids (n, r, r, 3) of photos (n, r, r, 3), cut where their masks (n, r, r) are highest.

    `draws` (n, patch_grid^2) on [0, 1) select the patches, of the best `patch_candidates` places.
    """
    size = photos.shape[1]
    patch = max(1, round(params.patch_width * size))
    places = min(params.patch_candidates, (size - patch + 1) ** 2)
    ranks = torch.from_numpy((draws * places).astype(np.int64))
    pixels = torch.from_numpy(photos).permute(0, 3, 1, 2).float()
    highest = torch.from_numpy(masks[:, None]).float()
    grids = patch_grid(pixels, highest, patch, params.patch_candidates, ranks)
    return grids.round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()


def abduct(photos: Bytes, masks: Bytes, params: PhotoFactorsParams) -> dict[str, NDArray[Any]]:
    """The factors of photos (n, h, w, 3) whose saliency is `masks` (n, h, w): masks, backgrounds and usable.

    Whether a mask is usable is judged before it is made `opaque`.
    """
    clear = opaque(masks)
    return {
        "masks": clear,
        "backgrounds": backgrounds(photos, clear, params.dilation),
        "usable": usable(masks, params.mask_interval, params.border),
    }


def factor_scores(found: dict[str, NDArray[Any]], truth: Bytes | None) -> dict[str, Any]:
    """The number of photos, of those with usable objects, and the masks' mean IoU.

    `truth` are the true masks (n, h, w), 255 on the object; without them the IoU is None. The IoU is that of
    usable masks.
    """
    chosen = found["usable"]
    iou = None
    if truth is not None and chosen.any():
        guessed, true = (masks[chosen] / np.float32(255) for masks in (found["masks"], truth))
        iou = mask_iou(guessed, true)
    return {"photos": len(chosen), "usable_objects": int(chosen.sum()), "mask_iou": iou}


def write_factors(path: Path, found: dict[str, NDArray[Any]]) -> None:
    """Writes the factors of `abduct` of the photos of one split; the photos are in the world."""
    write_arrays(path, found)


def read_factors(world: Path, folder: Path, split: str) -> Factors:
    """Reads the photos of a split of a world with their factors in `folder`.

    A photo is named as in the world's index, or, without one, by split and number. Raises UserError when a
    file is missing or damaged, or when the factors are of other photos.
    """
    photos, found = (read_arrays(place / f"{split}.safetensors") for place in (world, folder))
    count = len(photos["images"])
    if found["masks"].shape != photos["images"].shape[:3]:
        raise UserError(f"{folder / split}.safetensors: not of the photos in {world}; run dvc repro")
    names = photo_names(world, split, count)
    labels = photos["labels"].astype(np.int64)
    return Factors(photos["images"], labels, found["masks"], found["backgrounds"], found["usable"], names)


def test_split(world: Path) -> str:
    """The split of a world that is held out for tests; of the emoji world's two the one with known glyphs."""
    return max(path.stem for path in world.glob("test_*.safetensors"))


def photo_names(world: Path, split: str, count: int) -> list[str]:
    """The names of the first `count` photos of a split of a world."""
    index = world / "index.csv"
    if not index.exists():
        return [f"{split}/{number}" for number in range(count)]
    return [entry.path for entry in read_entries(index) if entry.split == split][:count]


def _stacked(images: Iterable[Bytes], shape: tuple[int, ...]) -> Bytes:
    """Joins images to an array of a known shape, which may have no image."""
    stacked = np.empty(shape, dtype=np.uint8)
    for row, image in enumerate(images):
        stacked[row] = image
    return stacked
