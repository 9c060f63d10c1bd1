"""Reading images to batches of 224 pixels: ours beside torchvision's reference loader, in one run.

`python -m benchmarks.reading` reads JPEGs of photos' size, and counterfactuals of 256 pixels as PNGs and as
JPEGs of quality 95, with two workers. The reference is an `ImageFolder` with the transforms of torchvision's
training script in a `DataLoader`. Both crop at random, mirror, and end with floats in [-1, 1], which ours
makes of a whole batch. Images a second of a processor are those of all processes together, and change little
when other programs run.
"""

from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
import pandas as pd
import torch
import typer
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from benchmarks.pictures import CLASSES, pink_noise, write_counterfactuals, write_photos
from benchmarks.timing import in_turn, machine
from cgn.data.encoded import EncodedImages, _Decoded, _loaded
from cgn.io.files import write_json
from cgn.io.pixels import from_bytes
from cgn.io.shards import Sample, SamplePlace, sample_places, shard_paths, write_shards

RESOLUTION, BATCH, WORKERS = 224, 32, 2
# Ours, and what it is compared with.
RATIOS = {
    "JPEG photos": ("photos, ours", "photos, torchvision"),
    "PNG counterfactuals": ("PNG shards, ours", "PNG files, torchvision"),
    "counterfactuals, JPEG to PNG": ("JPEG of quality 95, ours", "PNG shards, ours"),
}


def main(
    out: Annotated[Path, typer.Option(help="JSON file")] = Path("benchmarks/reading.json"),
    count: Annotated[int, typer.Option(min=BATCH, help="images of each kind")] = 320,
    rounds: Annotated[int, typer.Option(min=1)] = 2,
) -> None:
    """Measure all and print the table."""
    with TemporaryDirectory() as folder:
        facts = measured(Path(folder), count, rounds)
    write_json(out, facts)
    print(table(facts))


def table(facts: dict[str, Any]) -> str:
    """Speeds of the cases, and their ratios, for processors."""
    speeds = {name: row["images_per_cpu_second"] for name, row in facts["rows"].items()}
    ratios = {name: row["images_per_cpu_second"] for name, row in facts["ratios"].items()}
    return "\n\n".join(
        pd.Series(of, name=title).rename_axis(what).to_frame().to_markdown(floatfmt=form)
        for of, what, title, form in (
            (speeds, "read", "images a processor-second", ".0f"),
            (ratios, "of them", "ratio", ".2f"),
        )
    )


def measured(folder: Path, count: int, rounds: int) -> dict[str, Any]:
    """The facts of a run: images a second of each case, and ratios."""
    photos = write_photos(folder / "photos", count)
    shards, png, jpg = write_counterfactuals(folder, count)
    jpegs = sorted(jpg.rglob("*.jpg"))
    calls = {
        "photos, ours": ours(places_of(photos)),
        "photos, torchvision": reference(folder / "photos"),
        "PNG shards, ours": ours([place for place, _ in sample_places(map(Path, shard_paths(shards)))]),
        "PNG files, torchvision": reference(png),
        "JPEG of quality 95, ours": ours(places_of(jpegs)),
        "PNG shards, written": writing(folder, count),
    }
    times = in_turn(calls, rounds)
    files = {"photos": photos, "PNG": png.rglob("*.png"), "JPEG": jpegs}
    bytes_of = {name: float(np.mean([file.stat().st_size for file in of])) for name, of in files.items()}
    rows = {
        name: {
            "images_per_second": count / of.wall,
            "images_per_cpu_second": count / of.cpu,
            "bytes_of_an_image": bytes_of[name.split()[0].strip(",")],
        }
        for name, of in times.items()
    }
    ratios = {
        name: {speed: rows[one][speed] / rows[other][speed] for speed in list(rows[one])[:2]}
        for name, (one, other) in RATIOS.items()
    }
    return {"machine": machine(), "workers": WORKERS, "images": count, "rows": rows, "ratios": ratios}


def places_of(files: Sequence[Path]) -> list[SamplePlace]:
    """Where whole files lie."""
    return [SamplePlace(str(file), 0, file.stat().st_size) for file in files]


def encoded(places: Sequence[SamplePlace], workers: int = WORKERS) -> EncodedImages:
    """Images at these places, as the classifiers of the world `imagenet` read them."""
    nothing = np.array([], np.int64)
    none = EncodedImages(np.array([], "S"), nothing, nothing, nothing, RESOLUTION, workers, mirror=True)
    return none.at(places, np.arange(len(places)) % CLASSES)


def ours(places: Sequence[SamplePlace]) -> Callable[[], Any]:
    """A pass over the images as a training makes it, but that no batch of the next pass is read ahead."""
    images = encoded(places)

    def read() -> None:
        source = images.source(BATCH, 0, "reading")
        batches = islice(source._places(0), len(places) // BATCH)
        for batch, _ in _loaded(_Decoded(images, source._prepare), batches):
            from_bytes(batch)

    return read


def reference(folder: Path) -> Callable[[], Any]:
    """A pass of torchvision's loader over a folder of classes."""
    changes = v2.Compose(
        [
            v2.RandomResizedCrop(RESOLUTION, antialias=True),
            v2.RandomHorizontalFlip(0.5),
            v2.PILToTensor(),
            v2.ToDtype(torch.float, scale=True),
            v2.Normalize([0.5] * 3, [0.5] * 3),
        ]
    )
    images = ImageFolder(str(folder), changes)
    loader: DataLoader[Any] = DataLoader(images, BATCH, shuffle=True, num_workers=WORKERS, drop_last=True)
    return lambda: sum(len(labels) for _, labels in loader)


def writing(folder: Path, count: int) -> Callable[[], Any]:
    """Counterfactuals of 256 pixels to a shard of PNGs, by one thread as the stage does."""
    image = pink_noise(256, 256, 0)
    labels = {"labels": {"shape": 0}}

    def write() -> None:
        with TemporaryDirectory(dir=folder) as place:
            samples = (Sample(image, {"index": index} | labels) for index in range(count))
            write_shards(Path(place) / "shards", samples, count)

    return write


if __name__ == "__main__":
    typer.run(main)
