"""Decomposes the distance to the oracle into errors of masks and errors of textures.

`python -m experiments.decomposition 0`, after `make paper SEED=0`, trains classifiers on counterfactuals with
masks and textures of different origin, and compares them with those of the paper run:

masks         textures
the CGN's     the CGN's                              cgn_only of the paper run
the CGN's     true                                   trained here
true          the CGN's                              trained here
by abduction  the CGN's                              one of these two is cgn_abduction of the
by abduction  the CGN's, observed backgrounds        paper run, the other is trained here
true          true                                   oracle of the paper run

Scores are on test images; nothing is chosen by them. These trainings are no stages: the graph has no place
for images whose masks are the CGN's and whose textures are real, or the reverse. All else comes from the
paper run.
"""

import os
import shutil
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import torch
import typer
from numpy.typing import NDArray

from cgn.counterfactuals import plan_counterfactuals
from cgn.data.mnist.masks import true_masks
from cgn.data.mnist.variants import Cues, synthesize
from cgn.data.sources import FixedImages, Images
from cgn.errors import UserError
from cgn.generators.mnist.abduction import load_segmenter, read_masks, sample_given_shapes
from cgn.generators.mnist.mechanisms import CLASSES
from cgn.generators.mnist.sampling import draw_masks
from cgn.generators.mnist.stored import load_cgn
from cgn.io.arrays import read_arrays
from cgn.io.files import atomic_path, read_json, write_json
from cgn.methods.erm import ERM
from cgn.methods.training import Run, train_and_save
from cgn.metrics.accuracy import accuracy, predict
from cgn.networks.classifier import load_classifier
from cgn.networks.digit_cnn import DigitCNN
from cgn.params.reading import read
from cgn.params.schema import Params
from cgn.report.names import VARIANT_TITLES
from cgn.report.paper_runs import read_results
from cgn.scm import MNIST_SCM
from cgn.seeding import generator, seed_for
from cgn.training.checkpoint import Checkpoint, fingerprint
from cgn.training.device import torch_device
from stages.command import run_command

PAPER = Path("reports/paper")
FOLDER = PAPER / "decomposition"
ROWS = {
    "cgn_only": ("the CGN's", "the CGN's"),
    "cgn_masks": ("the CGN's", "true"),
    "cgn_textures": ("true", "the CGN's"),
    "generated": ("by abduction", "the CGN's"),
    "observed": ("by abduction", "the CGN's, observed backgrounds"),
    "oracle": ("true", "true"),
}


def main(
    seed: int,
    variant: Annotated[list[str], typer.Option(help="only these variants")] = list(VARIANT_TITLES),  # noqa: B006
) -> None:
    """Train the classifiers of SEED that have no result yet, and write reports/paper/decomposition.md."""
    for name in variant:
        if name not in VARIANT_TITLES:
            raise UserError(f"--variant {name}: not one of {', '.join(VARIANT_TITLES)}")
        path = FOLDER / name / f"seed_{seed}.json"
        if not path.exists():
            write_json(path, _measured(name, seed))
    collect(seed)


def collect(seed: int) -> None:
    """Writes the table of one seed."""
    of_runs = read_results(PAPER / "results").query("seed == @seed").set_index(["variant", "name"])
    known = of_runs["test_accuracy"].to_dict()
    for variant in VARIANT_TITLES:
        path = FOLDER / variant / f"seed_{seed}.json"
        if path.exists():
            measured = read_json(path)
            known |= {(variant, name): found for name, found in measured.items()}
            # The kind of backgrounds that is not measured here is that of the paper run.
            for own in {"generated", "observed"} - measured.keys():
                known[variant, own] = known.get((variant, "cgn_abduction"))
    rows = [
        {"masks": masks, "textures": textures}
        | {title: known.get((variant, name)) for variant, title in VARIANT_TITLES.items()}
        for name, (masks, textures) in ROWS.items()
    ]
    known_or_none = pd.DataFrame(rows, dtype=object)  # with floats, a missing value would be shown as nan
    table = known_or_none.to_markdown(index=False, floatfmt=".1f", missingval="–")
    with atomic_path(PAPER / "decomposition.md") as temporary:
        temporary.write_text(
            "# Where the distance to the oracle comes from\n\n"
            f"`python -m experiments.decomposition {seed}`: test accuracy (%), cues at random, of classifiers"
            f" whose training images have masks and textures of different origin.\n\n{table}\n",
            encoding="utf-8",
        )


def _measured(variant: str, seed: int) -> dict[str, float]:
    """Trains the classifiers that the paper run does not have, and returns their test accuracies by name."""
    scratch = Path(os.environ.get("CGN_SCRATCH", ".scratch")) / "decomposition" / f"{variant}_{seed}"
    experiment = f"paper-{variant.replace('_', '-')}-{seed}"
    params = _fetched(experiment, variant, scratch)
    torch.set_num_threads(params.threads)
    digits, textures, of_variant = (
        read_arrays(scratch / f"{name}.safetensors") for name in ("digits", "textures", f"variants/{variant}")
    )
    budget, schedule = params.budgets, params.mnist.classifier
    released = schedule.network == "released"
    sets = {
        "cgn_masks": _cgn_masks(variant, scratch, textures, params, budget.sample_counterfactuals.images),
        "cgn_textures": _cgn_textures(variant, scratch, digits, params, budget.abduct.images),
    } | _other_backgrounds(variant, scratch, of_variant, params, budget.abduct.images)
    steps = budget.train_classifiers.updates
    runs = []
    for name, images in sets.items():
        # Abduction has the paper run's initial network and order, so only the backgrounds differ.
        own = "cgn_abduction" if name in ("generated", "observed") else name
        network = DigitCNN(seed_for(seed, variant, own, "network"), released=released)
        algorithm = ERM(network, steps, schedule)
        source = FixedImages(images, schedule.batch, seed, variant, own)
        run_id = fingerprint([params, name], [scratch / "cgn", scratch / "segmenter"])
        checkpoint = Checkpoint(scratch / f"{name}.pt", run_id)
        runs.append(Run(scratch / name, algorithm, source, checkpoint, f"{name} on {variant}"))
    validation = Images(of_variant["validation_images"], of_variant["validation_labels"])
    train_and_save(runs, validation, params.threads, torch_device(params.device))
    found = {}
    for name in sets:
        predicted = predict(
            load_classifier(scratch / name, DigitCNN(0, released=released)), of_variant["test_images"]
        )
        found[name] = accuracy(predicted, of_variant["test_labels"])
    return found


def _fetched(experiment: str, variant: str, scratch: Path) -> Params:
    """Copies data, CGN and segmenter of a paper run from DVC's cache to `scratch`; returns its parameters."""
    from dvc.api import DVCFileSystem
    from dvc.exceptions import DvcException
    from scmrepo.exceptions import SCMError

    files = [f"data/mnist/{name}.safetensors" for name in ("digits", "textures", f"variants/{variant}")]
    try:
        system: Any = DVCFileSystem(rev=experiment)
        for path in (*files, "params.yaml", "assets.yaml"):
            target = scratch / path.removeprefix("data/mnist/")
            target.parent.mkdir(parents=True, exist_ok=True)
            system.get_file(path, str(target))
        models = {name: f"models/mnist/{name}/{variant}" for name in ("cgn", "segmenter")}
        for name, path in (models | {"budgets": "budgets"}).items():
            shutil.rmtree(scratch / name, ignore_errors=True)  # DVC would copy into an existing folder
            system.get(path, str(scratch / name), recursive=True)
    except (DvcException, SCMError, FileNotFoundError) as error:
        raise UserError(
            f"experiment {experiment}: not in this clone, or older than its files ({error}); make paper"
            " makes it, once the results of its seed in reports/paper/results are deleted"
        ) from None
    return read(scratch)


def _cgn_masks(
    variant: str, scratch: Path, textures: dict[str, NDArray[np.uint8]], params: Params, count: int
) -> Images:
    """Masks of the CGN with textures of the true process, and labels as in cgn_only's counterfactuals."""
    cgn, policy = load_cgn(scratch / "cgn"), params.mnist.counterfactuals
    plan = plan_counterfactuals(MNIST_SCM, policy, CLASSES, params.seed, 0, count)
    own, rng = getattr(params.mnist.variants, variant), generator(params.seed, "decomposition", variant)
    masks = draw_masks(cgn, plan)[:, 0].numpy()
    if own.binarize_threshold is not None:  # the true masks are binary
        masks = (masks > 0.5).astype(np.float32)
    cues = Cues(*(plan.labels[name].astype(np.uint8) for name in ("foreground", "background")))
    images = synthesize(variant, np.rint(masks * 255).astype(np.uint8), cues, own, textures, rng)
    return Images(images, plan.labels["shape"])


def _cgn_textures(
    variant: str, scratch: Path, digits: dict[str, NDArray[np.uint8]], params: Params, count: int
) -> Images:
    """True masks of the training digits with textures of the CGN."""
    own = getattr(params.mnist.variants, variant)
    masks = np.rint(true_masks(digits["train_images"], own) * 255).astype(np.uint8)
    return _given_shapes(variant, scratch, masks, digits["train_labels"], None, params, count)


def _other_backgrounds(
    variant: str, scratch: Path, of_variant: dict[str, NDArray[np.uint8]], params: Params, count: int
) -> dict[str, Images]:
    """Counterfactuals by abduction, with the kind of backgrounds that the paper run does not have."""
    images, labels = of_variant["train_images"], of_variant["train_labels"]
    masks = read_masks(load_segmenter(scratch / "segmenter"), images)
    if params.mnist.abduction.of(variant).backgrounds == "observed":
        return {"generated": _given_shapes(variant, scratch, masks, labels, None, params, count)}
    return {"observed": _given_shapes(variant, scratch, masks, labels, images, params, count)}


def _given_shapes(
    variant: str,
    scratch: Path,
    masks: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    backgrounds: NDArray[np.uint8] | None,
    params: Params,
    count: int,
) -> Images:
    cgn, policy = load_cgn(scratch / "cgn"), params.mnist.counterfactuals
    own_seed = seed_for(params.seed, "abduct", variant)
    samples = sample_given_shapes(cgn, masks, labels, backgrounds, policy, own_seed, 0, count)
    images = np.stack([sample.image for sample in samples])
    return Images(images, labels[np.arange(count) % len(labels)])


if __name__ == "__main__":
    run_command("decomposition", {"decomposition": main})
