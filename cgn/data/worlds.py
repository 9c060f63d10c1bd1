"""The images of a world of the ImageNet branch: arrays in memory, or files that are decoded when needed.

What trains and scores classifiers does not know which.
"""

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgn.data.encoded import EncodedImages, with_margin
from cgn.data.photos.entries import FILES, INDEX, PACKED, TEST, class_names, read_entries
from cgn.data.sources import Images, Mirrored, OwnPart, Source, Split
from cgn.data.streaming import StreamedShards
from cgn.errors import UserError
from cgn.io.arrays import read_arrays
from cgn.io.files import located, read_json
from cgn.io.shards import sample_places, shard_paths


class World:
    """The world in `folder`, as `write_photo_world`, `write_files_world` or the emoji world wrote it.

    `workers` processes decode files; with `mirror`, images of a training are mirrored at random. Everything
    is read when it is needed. Raises UserError when it is missing or damaged.
    """

    def __init__(self, folder: Path, workers: int, mirror: bool = False) -> None:
        self._folder, self._workers, self._mirror = folder, workers, mirror
        self.in_memory = not (folder / FILES).exists()  # whether images are arrays
        names = ["train.safetensors", "validation.safetensors"] if self.in_memory else [INDEX, FILES]
        self.inputs = [folder / name for name in names]  # the files on which a training depends

    @cached_property
    def classes(self) -> list[str]:
        """The names of the classes, in the order of their labels."""
        return [str(name) for name in read_json(self._folder / "classes.json")]

    @cached_property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """All arrays of the training images; none if these are not in memory."""
        return read_arrays(self._folder / "train.safetensors") if self.in_memory else {}

    @cached_property
    def resolution(self) -> int:
        """Height and width of the images in pixels."""
        if self.in_memory:
            return int(self.arrays["images"].shape[1])
        return int(read_json(self._folder / FILES)["resolution"])

    @property
    def generated_resolution(self) -> int:
        """Height and width of generated images: more than `resolution` if they are cropped."""
        return self.resolution if self.in_memory else with_margin(self.resolution)

    @cached_property
    def train(self) -> Split:
        """The training images."""
        if self.in_memory:
            return Images(self.arrays["images"], self.arrays["labels"])
        return _encoded(self._folder, "train", self._workers, self._mirror)

    @cached_property
    def validation(self) -> Split:
        """The images held out of the training."""
        return _split(self._folder, "validation", self._workers)

    def seen(self, source: Source, seed: int, name: str) -> Source:
        """The images of `source` as a training sees them: those in memory are mirrored here.

        Each rank gets its part of each minibatch.
        """
        if not self.in_memory:  # each rank decodes only its part
            return source
        return OwnPart(Mirrored(source, seed, name) if self._mirror else source)


def _split(folder: Path, split: str, workers: int) -> Split:
    if (folder / FILES).exists():
        return _encoded(folder, split, workers, mirror=False)
    arrays = read_arrays(folder / f"{split}.safetensors")
    return Images(arrays["images"], arrays["labels"])


def held_out_splits(folder: Path, workers: int) -> dict[str, Split]:
    """The splits of a world on which classifiers are scored, by name, e.g. `test_images`."""
    scored = [*folder.glob("test_*.safetensors"), *folder.glob("validation_*.safetensors")]
    arrays = sorted(path.stem for path in scored)
    names = [TEST] if (folder / FILES).exists() else arrays
    return {name: _split(folder, name, workers) for name in names}


def counterfactuals_like(
    real: Split, shards: Path, mechanisms: tuple[str, ...], batch: int, seed: int, *names: str | int
) -> Source:
    """Minibatches of the images in `shards`, prepared as the `real` ones are; labels (n, mechanisms)."""
    if not isinstance(real, EncodedImages):
        return StreamedShards(shards, mechanisms, batch, seed, *names)
    places, labels = [], []
    for place, metadata in sample_places([Path(shard) for shard in shard_paths(shards)]):
        places.append(place)
        labels.append([metadata["labels"][name] for name in mechanisms])
    if not places:
        raise UserError(f"{shards}: no samples in its shards; delete it and run dvc repro")
    return real.at(places, np.array(labels, np.int64)).source(batch, seed, *names)


def _encoded(folder: Path, split: str, workers: int, mirror: bool) -> EncodedImages:
    facts = read_json(folder / FILES)
    packed = folder / PACKED / f"{split}.safetensors"
    if packed.exists():
        arrays = read_arrays(packed)
        tars = [f"{folder / PACKED / split}/{number:06d}.tar".encode() for number in arrays["shard"]]
        where = np.array(tars), arrays["start"], arrays["size"], arrays["labels"]
    else:
        root, entries = located(facts["root"]), read_entries(folder / INDEX)
        labels = {name: label for label, name in enumerate(class_names(entries))}
        chosen = [entry for entry in entries if entry.split == split]
        files = np.array([str(root / entry.path).encode() for entry in chosen])
        sizes = np.array([entry.size for entry in chosen], np.int64)
        own = np.array([labels[entry.class_name] for entry in chosen], np.int64)
        where = files, np.zeros(len(chosen), np.int64), sizes, own
    return EncodedImages(*where, resolution=facts["resolution"], workers=workers, mirror=mirror)
