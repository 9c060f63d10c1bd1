"""Runs MNIST training stages as a DVC experiment, to get the results of their methods without the others."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray
from ruamel.yaml import YAML

from cgn.data.mnist.variants import VARIANTS, environment
from cgn.data.sources import Images
from cgn.io.arrays import read_arrays
from cgn.metrics.accuracy import accuracy, predict
from cgn.networks.classifier import load_classifier
from cgn.networks.digit_cnn import DigitCNN
from cgn.params.schema import Params
from experiments.experiment import digests, facts_of, files_of, locked_stages, run_target
from experiments.settings import overridden

MODELS = "models/mnist/classifiers"
ENVIRONMENTS = (0.9, 0.925, 0.95, 0.975, 1.0)  # correlations of cue and label (appendix C.4)
RANDOM_CUES = 0.0


class Trained(NamedTuple):
    """The results of training stages for one variant, and the facts of the run."""

    accuracies: dict[str, dict[str, float]]  # by method: train_accuracy, test_accuracy, percent
    facts: dict[str, Any]  # as in `Outcome`; wall_time_seconds is that of these stages only
    digests: dict[str, str]  # MD5 of the stages' outputs, by path


def training_stages() -> dict[str, list[str]]:
    """The stages of dvc.yaml that train MNIST classifiers, each with its methods."""
    found = {}
    for name, stage in YAML(typ="safe").load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"].items():
        # An output is a path, or a map whose only key is the path.
        outs = [out if isinstance(out, str) else next(iter(out)) for out in stage.get("outs", ())]
        if methods := [Path(out).name for out in outs if out.startswith(f"{MODELS}/")]:
            found[name] = methods
    return found


def run_training_stages(
    experiment: str, stages: Sequence[str], variant: str, settings: list[str], scratch: Path
) -> Trained:
    """Runs `STAGE@VARIANT` of each stage as `experiment` (see `run_target`), and scores its classifiers.

    Stages that train none, as `score_mechanisms`, may be among them.
    """
    targets = [f"{stage}@{variant}" for stage in stages]
    timings = [scratch / "timings" / f"{stage}-{variant}.json" for stage in stages]
    for timing in timings:
        timing.unlink(missing_ok=True)  # of earlier settings; a stage from the cache writes none
    made = run_target(experiment, targets, settings, scratch)
    all_locked = locked_stages(experiment)
    locked = {target: all_locked[target] for target in targets}
    outs = [out["path"] for stage in locked.values() for out in stage["outs"]]
    methods = [Path(out).name for out in outs if out.startswith(f"{MODELS}/")]
    return Trained(
        _accuracies(experiment, variant, methods, overridden(settings)),
        facts_of(experiment, made, [timing for timing in timings if timing.exists()]),
        digests(locked, variant),
    )


def arrays_of(experiment: str, name: str) -> dict[str, NDArray[Any]]:
    """The arrays in data/mnist/`name`.safetensors of `experiment`."""
    file = f"data/mnist/{name}.safetensors"
    with files_of(experiment, [file]) as folder:
        return read_arrays(folder / file)


def classifiers_of(
    experiment: str, variant: str, methods: Sequence[str], params: Params
) -> dict[str, DigitCNN]:
    """The classifiers that `experiment` trained with `params`, by method."""
    paths = {method: f"{MODELS}/{variant}/{method}" for method in methods}
    with files_of(experiment, paths.values()) as folder:
        return {
            method: load_classifier(folder / path, DigitCNN(0, released=_is_released(params)))
            for method, path in paths.items()
        }


def digit_classifier_of(experiment: str, params: Params) -> DigitCNN:
    """The classifier of real digits, which reads masks, that `experiment` trained with `params`."""
    path = "models/mnist/digit_classifier"
    with files_of(experiment, [path]) as folder:
        return load_classifier(folder / path, DigitCNN(0, 1, _is_released(params)))


def _is_released(params: Params) -> bool:
    return params.mnist.classifier.network == "released"


def _accuracies(
    experiment: str, variant: str, methods: list[str], params: Params
) -> dict[str, dict[str, float]]:
    """Accuracies (percent) of the classifiers that `experiment` trained, on training and test images."""
    arrays = arrays_of(experiment, f"variants/{variant}")
    return {
        method: {
            f"{split}_accuracy": accuracy(
                predict(classifier, arrays[f"{split}_images"]), arrays[f"{split}_labels"]
            )
            for split in ("train", "test")
        }
        for method, classifier in classifiers_of(experiment, variant, methods, params).items()
    }


def held_out_images(experiment: str, variant: str, params: Params) -> dict[float, Images]:
    """The validation digits of an experiment under cues of each correlation."""
    digits = arrays_of(experiment, "digits")
    textures = arrays_of(experiment, "textures") if VARIANTS[variant].textured else None
    own, seed = getattr(params.mnist.variants, variant), params.seed
    shapes, labels = digits["validation_images"], digits["validation_labels"]

    def under(correlation: float) -> Images:
        draw = ("validation", str(correlation))
        return Images(environment(variant, shapes, labels, correlation, own, textures, seed, *draw), labels)

    return {correlation: under(correlation) for correlation in (*ENVIRONMENTS, RANDOM_CUES)}
