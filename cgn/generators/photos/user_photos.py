"""Reads photos straight from a user's folder and abducts their factors, without a world on disk."""

import logging
from collections.abc import Callable
from itertools import zip_longest
from pathlib import Path

import numpy as np
from tqdm import tqdm

from cgn.data.photos.entries import TEST
from cgn.data.photos.layouts import Photo, find_photos
from cgn.data.photos.own_masks import mask_of, read_mask
from cgn.data.photos.photos import read_square
from cgn.data.photos.splits import name_hash, place_of
from cgn.errors import UserError
from cgn.generators.params import PhotoFactorsParams
from cgn.generators.photos.factors import Factors, abduct, saliency_masks
from cgn.io.image_folders import Skipped
from cgn.io.images import UnreadableImageError
from cgn.networks.u2net import Saliency

log = logging.getLogger(__name__)


def photos_by_class(place: Path, root: Path, skipped: Skipped) -> dict[str, list[Photo]]:
    """The photos of each class in the folder or CSV file `place`, ordered by a hash of the name.

    Of ready-made splits only the held-out photos count: the test photos, or if there are none, those for
    validation. Raises UserError as `find_photos`, and when there are fewer than two classes with photos.
    """
    photos = find_photos(place, skipped)
    for split in (TEST, "validation"):
        if held_out := [photo for photo in photos if photo.split == split]:
            log.info("%s: only the %d photos of its split %s are taken", place, len(held_out), split)
            photos = held_out
            break
    by_class: dict[str, list[Photo]] = {}
    for photo in sorted(photos, key=lambda photo: (photo.class_name, name_hash(photo.file, root))):
        by_class.setdefault(photo.class_name, []).append(photo)
    if len(by_class) < 2:
        raise UserError(
            f"{place}: {len(by_class)} classes with photos; two are needed (skipped: {skipped.summary()})"
        )
    return by_class


def factors_of_photos(
    by_class: dict[str, list[Photo]],
    root: Path,
    resolution: int,
    most: int,  # photos; the first of each class, then the second of each, ...
    own_masks: Path | None,  # a parallel folder of the user's masks
    saliency: Callable[[], Saliency],  # for photos without a mask of the user
    params: PhotoFactorsParams,
    skipped: Skipped,
) -> Factors:
    """The factors of the photos, as squares of `resolution` pixels. Unreadable photos go to `skipped`.

    Labels are positions in `by_class`; names are paths from `root`. Raises UserError when no photo can be
    read, or when a mask cannot.
    """
    ranks = zip_longest(*by_class.values())
    order = [(photo, label) for rank in ranks for label, photo in enumerate(rank) if photo is not None]
    images, labels, names, files = [], [], [], []
    for photo, label in tqdm(order[:most], desc="photos", unit="photo", delay=5):
        try:
            images.append(read_square(photo.file, resolution))
        except UnreadableImageError as error:
            skipped.add(photo.file, "not readable", error.reason)
            continue
        labels.append(label)
        names.append(place_of(photo.file, root))
        files.append(photo.file)
    if not images:
        raise UserError(f"{root}: no readable photos (skipped: {skipped.summary()})")
    photos, masks = np.stack(images), np.zeros((len(images), resolution, resolution), np.uint8)
    own = [mask_of(root, own_masks, Path(name)) for name in names]
    for row, (file, of_photo) in enumerate(zip(own, files, strict=True)):
        if file is not None:
            masks[row] = read_mask(file, of_photo, resolution)
    missing = np.array([file is None for file in own])
    log.info("%d photos, %d of them with a mask of yours", len(photos), len(photos) - missing.sum())
    if missing.any():
        masks[missing] = saliency_masks(photos[missing], saliency())
    found = abduct(photos, masks, params)
    return Factors(
        photos, np.array(labels, np.int64), found["masks"], found["backgrounds"], found["usable"], names
    )
