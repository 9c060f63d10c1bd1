"""Test sets of held-out photos and their abducted factors, in the layouts of the published sets.

IN-9 and cue conflict are those of `cgn.data.composites`. A photo with a usable mask lends its object to both
sets, and its background or patch grid to others. `metadata.csv` beside the images tells which photo lent
what.
"""

import csv
import logging
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from cgn.data.composites import (
    GREY,
    Bytes,
    background_variants,
    bounding_box,
    compose_bytes,
    in9_file,
    in9_variants,
    write_image,
)
from cgn.errors import UserError
from cgn.generators.params import PatchParams
from cgn.generators.photos.factors import OBJECT, Factors, textures
from cgn.io.files import atomic_folder
from cgn.seeding import indexed_uniforms

METADATA = "metadata.csv"
LARGEST_BOX = 0.9  # share of the photo; the box of a larger object leaves too little background to be tiled
TEXTURES_PER_SHAPE = 2

log = logging.getLogger(__name__)


class Lenders(NamedTuple):
    """The photos that lend their factors: rows of `Factors`, by label. Other labels have none."""

    rows: dict[int, NDArray[np.int64]]

    @property
    def labels(self) -> list[int]:
        """The labels with lenders, in order."""
        return list(self.rows)

    def numbered(self) -> list[tuple[int, int, int]]:
        """Every lender: its row, its label and its number within the class."""
        return [(int(row), label, n) for label, rows in self.rows.items() for n, row in enumerate(rows)]

    def pick(self, label: int, draw: float, but: int = -1) -> int:
        """The photo of a class that `draw` on [0, 1) selects, of all but the row `but`."""
        rows = self.rows[label][self.rows[label] != but]
        return int(rows[int(draw * len(rows))])


def lenders_of(factors: Factors, classes: Sequence[str]) -> Lenders:
    """The photos with a usable object, of each class that has at least two.

    The log names other classes. Raises UserError when fewer than two classes are left.
    """
    usable = np.flatnonzero(factors.usable)
    by_class = {label: usable[factors.labels[usable] == label] for label in range(len(classes))}
    rows = {label: found for label, found in by_class.items() if len(found) >= 2}
    if len(rows) < 2:
        raise UserError(
            f"photos with a usable object: {len(usable)} of {len(factors.labels)}, and two or more of only"
            f" {len(rows)} classes; the test sets need two classes: give more photos, or masks"
        )
    if missing := [name for label, name in enumerate(classes) if label not in rows]:
        log.warning("fewer than two usable objects, not in the test sets: %s", ", ".join(missing))
    return Lenders(rows)


def write_in9_set(folder: Path, factors: Factors, classes: Sequence[str], seed: int) -> None:
    """Writes `<variant>/val/<class>/0000.png` ... and the metadata to a new `folder`.

    Image n of a class has the same object in every variant. Of an object whose box is above `LARGEST_BOX` of
    the photo, only_bg_b and only_bg_t are left out. Raises UserError as `lenders_of`.
    """
    lenders = lenders_of(factors, classes)
    with atomic_folder(folder) as temporary:
        lines = []
        for row, label, number in tqdm(lenders.numbered(), desc="IN-9", unit="photo", delay=5):
            others = _other_backgrounds(lenders, row, label, seed)
            for variant, image in _in9_images(factors, row, others):
                file = in9_file(variant, classes[label], number)
                write_image(temporary / file, image)
                behind = others.get(variant, row)
                lent = "" if variant == "only_fg" else factors.names[behind]
                of_class = classes[factors.labels[behind]] if lent else ""
                lines.append([file.as_posix(), variant, classes[label], factors.names[row], of_class, lent])
        columns = ["file", "variant", "class", "photo", "background_class", "background_photo"]
        _write_table(temporary / METADATA, columns, lines)


def _other_backgrounds(lenders: Lenders, row: int, label: int, seed: int) -> dict[str, int]:
    """The photo that lends the background of each mixed variant."""
    draws = indexed_uniforms(seed, "photos/in9", row, row + 1, 4)[0]
    position = lenders.labels.index(label)
    random_class = lenders.labels[int(draws[0] * len(lenders.labels))]
    next_class = lenders.labels[(position + 1) % len(lenders.labels)]
    return {
        "mixed_same": lenders.pick(label, draws[1], but=row),
        "mixed_rand": lenders.pick(random_class, draws[2], but=row),
        "mixed_next": lenders.pick(next_class, draws[3]),
    }


def _in9_images(factors: Factors, row: int, others: dict[str, int]) -> list[tuple[str, Bytes]]:
    photo, mask = factors.images[row], factors.masks[row]
    backgrounds = {variant: factors.backgrounds[lender] for variant, lender in others.items()}
    images = list(in9_variants(photo, mask, photo, photo, backgrounds))
    box = bounding_box(mask >= min(OBJECT, int(mask.max())))
    rows, columns = box
    share = (rows.stop - rows.start) * (columns.stop - columns.start) / mask.size
    return images + (list(background_variants(photo, box)) if share <= LARGEST_BOX else [])


def write_cue_conflict_set(
    folder: Path, factors: Factors, classes: Sequence[str], params: PatchParams, seed: int
) -> None:
    """Writes `<shape>/<shape><n>-<texture><m>.png` and the metadata to a new `folder`.

    n and m number the photos of their classes, from 1. Each object wears the patch grids of photos of
    `TEXTURES_PER_SHAPE` other classes (or of all, if there are fewer), on grey. Raises UserError as
    `lenders_of`.
    """
    lenders = lenders_of(factors, classes)
    numbers = {row: number for row, _, number in lenders.numbered()}
    width = max(4, len(str(len(factors.labels))))  # equal widths, so that a class may end with a digit
    grey = np.full_like(factors.images[0], GREY)

    @cache
    def grid_of(row: int) -> Bytes:
        """The patch grid of a photo, the same wherever it is worn."""
        draws = indexed_uniforms(seed, "photos/cue_conflict/patches", row, row + 1, params.patch_grid**2)
        one = slice(row, row + 1)
        return np.asarray(textures(factors.images[one], factors.masks[one], draws, params)[0])

    with atomic_folder(folder) as temporary:
        lines = []
        for row, label, number in tqdm(lenders.numbered(), desc="cue conflict", unit="photo", delay=5):
            for other in _textures_for(lenders, row, label, seed):
                shape, texture = classes[label], classes[factors.labels[other]]
                name = f"{shape}{number + 1:0{width}}-{texture}{numbers[other] + 1:0{width}}.png"
                write_image(temporary / shape / name, compose_bytes(factors.masks[row], grid_of(other), grey))
                lines.append([f"{shape}/{name}", shape, factors.names[row], texture, factors.names[other]])
        columns = ["file", "shape", "shape_photo", "texture", "texture_photo"]
        _write_table(temporary / METADATA, columns, lines)


def _textures_for(lenders: Lenders, row: int, label: int, seed: int) -> list[int]:
    """Photos of other classes, each of another one."""
    others = [other for other in lenders.labels if other != label]
    draws = indexed_uniforms(seed, "photos/cue_conflict", row, row + 1, 2 * TEXTURES_PER_SHAPE)[0]
    found = []
    for place in range(min(TEXTURES_PER_SHAPE, len(others))):
        chosen = others.pop(int(draws[2 * place] * len(others)))
        found.append(lenders.pick(chosen, draws[2 * place + 1]))
    return found


def _write_table(path: Path, columns: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(lines)
