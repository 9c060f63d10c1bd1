"""Loads the textures of Wildlife MNIST: ten striped ones for digits, ten veined ones for backgrounds."""

import io
import logging
import tarfile
import zlib
from pathlib import Path
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Resampling
from tqdm import tqdm

from cgn.data.mnist.digits import CLASSES
from cgn.data.mnist.procedural_textures import striped, veined
from cgn.data.params import TexturesBudget
from cgn.errors import UserError
from cgn.io.assets import Asset, local_file
from cgn.io.files import located
from cgn.io.image_folders import Skipped, image_files
from cgn.io.images import read_image

DTD = Asset(
    url="https://www.robots.ox.ac.uk/~vgg/data/dtd/download/dtd-r1.0.1.tar.gz",
    sha256="e42855a52a4950a3b59612834602aa253914755c95b0cff9ead6d07395f8e205",
    licence="for research purposes",
)
_STRIPED = ("0001", "0091", "0008", "0043", "0092", "0028", "0097", "0004", "0125", "0033")
_VEINED = ("0066", "0067", "0073", "0180", "0131", "0157", "0158", "0104", "0188", "0189")
# The textures that the paper uses: file in the archive -> (cue, class).
DTD_IMAGES = {
    **{f"dtd/images/striped/striped_{number}.jpg": ("foreground", i) for i, number in enumerate(_STRIPED)},
    **{f"dtd/images/veined/veined_{number}.jpg": ("background", i) for i, number in enumerate(_VEINED)},
}

log = logging.getLogger(__name__)

Textures = dict[str, NDArray[np.uint8]]


def load_textures(budget: TexturesBudget, size: int, seed: int, skipped: Skipped) -> Textures:
    """Loads the textures "foreground" and "background", uint8 (10, size, size, 3) each, index = class.

    Source `procedural` paints them with `seed`. `folder` reads the first ten images by name of the
    sub-folders `foreground` (or `object`) and `background`. `dtd` downloads the Describable Textures Dataset
    (Cimpoi et al., 2014) and takes the paper's twenty images; `budget.folder`, if given, is where the archive
    is kept. Images are resized with nearest neighbour. Files of a folder that are no images go to `skipped`.

    Raises UserError when images are missing or unreadable, or when the download fails.
    """
    if budget.source == "procedural":
        return {"foreground": striped(size, seed), "background": veined(size, seed)}
    if budget.source == "folder":
        return _from_folder(budget.folder, size, skipped)
    return _from_archive(local_file(DTD, cache=budget.folder), size)


def _from_folder(folder: str | None, size: int, skipped: Skipped) -> Textures:
    if folder is None:
        raise UserError(
            "textures.folder: not set; source folder needs one with sub-folders object and background"
        )
    root = located(folder)
    if not root.is_dir():
        raise UserError(f"{root}: no such folder; textures.folder should name one with object and background")
    foreground = root / "foreground" if (root / "foreground").is_dir() else root / "object"
    return {
        "foreground": _ten_images(foreground, size, skipped),
        "background": _ten_images(root / "background", size, skipped),
    }


def _ten_images(folder: Path, size: int, skipped: Skipped) -> NDArray[np.uint8]:
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; it should hold ten images, one a class in order of name")
    paths = image_files(folder, skipped)
    if len(paths) < CLASSES:
        raise UserError(f"{folder}: {len(paths)} images, expected ten, one a class in order of name")
    if len(paths) > CLASSES:
        log.warning("%s: %d images, the first ten by name are used", folder, len(paths))
    return np.stack([_read_image(path, str(path), size) for path in paths[:CLASSES]])


def _from_archive(archive: Path, size: int) -> Textures:
    """Reads the twenty images from the archive, without unpacking it."""
    wanted = dict(DTD_IMAGES)
    textures = {cue: np.zeros((CLASSES, size, size, 3), np.uint8) for cue in ("foreground", "background")}
    try:
        with (
            archive.open("rb") as file,
            tqdm.wrapattr(file, "read", total=archive.stat().st_size, desc=archive.name) as stream,
            tarfile.open(fileobj=cast(IO[bytes], stream), mode="r|*") as tar,
        ):
            for member in tar:
                content = tar.extractfile(member) if member.name in wanted else None
                if content is not None:
                    cue, index = wanted.pop(member.name)
                    image = io.BytesIO(content.read())
                    textures[cue][index] = _read_image(image, f"{archive}: {member.name}", size)
                if not wanted:
                    return textures
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise UserError(f"{archive}: not a readable archive ({error}); delete it and run again") from None
    raise UserError(
        f"{archive}: not the archive of the DTD, {len(wanted)} of 20 images are missing, {min(wanted)} first"
    )


def _read_image(source: Path | IO[bytes], name: str, size: int) -> NDArray[np.uint8]:
    return np.asarray(read_image(source, name).resize((size, size), Resampling.NEAREST))
