"""Scores as the score stages write them, made up but of the size that the real ones have; and their page."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cgn.report.further import Further
from cgn.report.imagenet_scores import CLASSIFIERS as IMAGENET_METHODS
from cgn.report.imagenet_scores import ImageNetScores, parse_scores
from cgn.report.latents import parse_latents, parse_readers
from cgn.report.names import METHOD_TITLES, VARIANT_TITLES
from cgn.report.scores import ClassifierScore, MechanismScore, parse_classifiers, parse_mechanisms
from cgn.report.signals import parse_signals
from tests.unit.report.project import write_in, write_project


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
    top, splits = {"top1": 61.5, "top5": 97.5}, ("test_poses", "test_glyphs", "validation_random_cues")
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
        "accuracy": {method: dict.fromkeys(splits, top) for method in IMAGENET_METHODS},
        "cue_conflict": dict.fromkeys(IMAGENET_METHODS, bias),
        "in9": dict.fromkeys(IMAGENET_METHODS, in9),
        "in9_random_surfaces": dict.fromkeys(IMAGENET_METHODS, in9 | {"mixed_rand": 45.0, "bg_gap": 35.0}),
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
            "updates": 100 if method != "irm_5" else 40,
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
    """A project with the files that the stage reads."""
    root = tmp_path_factory.mktemp("project")
    scores = {
        "classifiers": classifiers_json,
        "mechanisms": mechanisms_json,
        "imagenet": imagenet_json,
        "paper_runs": paper_runs,
        "signals": signals_json,
        "latents": latents_json,
    }
    write_project(root, scores, latents_pictures)
    return root


@pytest.fixture(scope="session")
def reports(inputs: Path) -> Path:
    write_in(inputs)
    return inputs / "reports"
