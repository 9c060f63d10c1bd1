"""Reads photos straight from a user's folder and abducts their factors, without a world on disk."""

import logging
from collections import Counter
from itertools import zip_longest
from pathlib import Path

import numpy as np
from tqdm import tqdm

from cgn.data.photos.index import name_hash
from cgn.errors import UserError
from cgn.generators.params import PhotoFactorsParams
from cgn.generators.photos.factors import Factors, abduct, saliency_masks
from cgn.io.images import class_folders, image_files, log_skipped, read_image, square
from cgn.networks.u2net import Saliency

log = logging.getLogger(__name__)


def photos_by_class(root: Path) -> dict[str, list[Path]]:
    """The photos of each class in the folder `root`, in an order that a hash of the name decides.

    Raises UserError when the folder is missing, or when it has fewer than two classes with photos.
    """
    if not root.is_dir():
        raise UserError(f"{root}: no such folder; --photos names one of <class>/*.jpg")
    skipped = Counter[str]()
    found = {
        folder.name: sorted(image_files(folder, skipped), key=lambda file: name_hash(file, root))
        for folder in class_folders(root)
    }
    log_skipped(root, skipped)
    by_class = {name: files for name, files in found.items() if files}
    if len(by_class) < 2:
        raise UserError(f"{root}: {len(by_class)} classes with photos; two sub-folders or more are needed")
    return by_class


def factors_of_photos(
    root: Path,
    by_class: dict[str, list[Path]],
    resolution: int,
    most: int,  # photos; the first of each class, then the second of each, ...
    saliency: Saliency,
    params: PhotoFactorsParams,
) -> Factors:
    """The factors of the photos, as squares of `resolution` pixels. Unreadable photos are left out.

    Labels are positions in `by_class`; names are paths below `root`.
    """
    ranks = zip_longest(*by_class.values())
    order = [(file, label) for rank in ranks for label, file in enumerate(rank) if file is not None][:most]
    images, labels, names, unreadable = [], [], [], []
    for file, label in tqdm(order, desc="photos", unit="photo", delay=5):
        try:
            images.append(square(read_image(file), resolution))
        except UserError as error:
            unreadable.append(str(error))
            continue
        labels.append(label)
        names.append(file.relative_to(root).as_posix())
    if unreadable:
        log.warning("%d photos cannot be read and are left out, first %s", len(unreadable), unreadable[0])
    if not images:
        raise UserError(f"{root}: none of {len(order)} photos can be read")
    photos = np.stack(images)
    log.info("%d photos: computing masks and backgrounds", len(photos))
    found = abduct(photos, saliency_masks(photos, saliency), params)
    return Factors(
        photos, np.array(labels, np.int64), found["masks"], found["backgrounds"], found["usable"], names
    )
