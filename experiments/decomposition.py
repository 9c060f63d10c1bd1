"""Which part of the images is it? Classifiers of images whose masks and textures are of different origin.

`python -m experiments.decomposition SEED` answers two questions, with equal numbers of images, of shapes and
of updates in every row (`experiments.recombination`):

- Where does the distance to the oracle come from, from masks or from textures?
- Does `cgn_abduction` need the CGN? Its controls cut masks out of the biased images without a generator, and
  colour them by the CGN or by what they cut out of other images.

Rows with a share of biased images are the counterparts of Original + CGN. Test digits are scored only;
nothing is chosen by them. Results are kept in reports/decomposition; those that are there are not made again.
"""

import base64
import math
from itertools import product
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import pandas as pd
import torch
import typer
from numpy.typing import NDArray

from cgn.data.sources import FixedImages, FreshImages, Images, Mixture, Source
from cgn.errors import UserError
from cgn.evaluation.mechanism_quality import soft_iou
from cgn.io.files import atomic_path, read_json, write_json
from cgn.methods.erm import ERM
from cgn.methods.training import Run, train_and_save
from cgn.metrics.accuracy import predict
from cgn.metrics.bootstrap import bootstrap
from cgn.networks.classifier import load_classifier
from cgn.networks.digit_cnn import DigitCNN
from cgn.report.names import VARIANT_TITLES
from cgn.report.run_facts import run_facts
from cgn.report.tables import NONE
from cgn.seeding import generator, seed_for
from cgn.training.checkpoint import Checkpoint, fingerprint
from cgn.training.device import torch_device
from experiments.experiment import recorded
from experiments.recombination import MASKS, TEXTURES, Recombination
from experiments.segmentation import SEGMENTATIONS
from experiments.settings import overridden
from experiments.study_results import Result, difference
from stages.command import run_command

FOLDER = Path("reports/decomposition")
PAPER = Path("reports/paper/results")
ORACLE, ABDUCTED = "oracle", "abducted"


class Row(NamedTuple):
    """The origins of masks and textures, and the share of biased images in every batch."""

    masks: str
    textures: str
    biased: float = 0.0


ROWS = {
    "cgn": Row("cgn", "cgn"),
    "cgn_masks": Row("cgn", "true"),
    "cgn_textures": Row("true", "cgn"),
    ABDUCTED: Row("abducted", "cgn"),
    "abducted_observed": Row("abducted", "observed"),
    ORACLE: Row("true", "true"),
    "cgn_biased": Row("cgn", "cgn", 0.1),
    "abducted_biased": Row("abducted", "cgn", 0.1),
    "abducted_cut": Row("abducted", "cut"),
    "true_cut": Row("true", "cut"),
    **{
        f"{masks}_{textures}": Row(masks, textures)
        for masks, textures in product(SEGMENTATIONS, ("cgn", "cut"))
    },
}


def main(
    seed: int,
    variant: Annotated[list[str], typer.Option(help="only these variants")] = list(VARIANT_TITLES),  # noqa: B006
    row: Annotated[list[str], typer.Option(help="only these rows")] = list(ROWS),  # noqa: B006
    set_param: Annotated[list[str], typer.Option("-S", help="further parameters, as of dvc exp run")] = [],  # noqa: B006
) -> None:
    """Train the classifiers of SEED that have no result yet, and write the table in `FOLDER`."""
    for kind, names, known in (("variant", variant, VARIANT_TITLES), ("row", row, ROWS)):
        for name in names:
            if name not in known:
                raise UserError(f"--{kind} {name}: not one of {', '.join(known)}")
    settings = ["profile=paper", *set_param, f"seed={seed}"]
    torch.set_num_threads(overridden(settings).threads)
    for of in variant:
        todo = [name for name in row if not _path(of, name, seed).exists()]
        if todo:
            parts = Recombination(of, settings)
            told = {**parts.made, "settings": recorded(settings)}
            for name in todo:
                write_json(_path(of, name, seed), {**_measured(parts, name), "run": told})
                collect()
    collect()


def _path(variant: str, row: str, seed: int) -> Path:
    return FOLDER / variant / row / f"seed_{seed}.json"


def _measured(parts: Recombination, name: str) -> dict[str, Any]:
    """Trains the classifier of a row, and returns its test accuracy, which images are right, and sizes."""
    row, params, variant = ROWS[name], parts.params, parts.variant
    schedule, updates = params.mnist.classifier, params.budgets.train_classifiers.updates
    released = schedule.network == "released"
    biased = round(row.biased * schedule.batch)
    drawn, own = schedule.batch - biased, (params.seed, variant, name)
    draw = parts.draw(row.masks, row.textures)
    source: Source = FreshImages(draw, parts.count, drawn, *own, "drawn")
    if biased:
        real = Images(parts.arrays["train_images"], parts.arrays["train_labels"])
        source = Mixture([FixedImages(real, biased, *own, "biased"), source])
    algorithm = ERM(DigitCNN(seed_for(*own, "network"), released=released), updates, schedule)
    models = [parts.scratch / kind for kind in ("cgn", "segmenter")]
    checkpoint = Checkpoint(parts.scratch / f"{name}.pt", fingerprint([params, name], models))
    folder, validation = parts.scratch / "classifiers" / name, _split(parts, "validation")
    one_run = Run(folder, algorithm, source, checkpoint, f"{name} on {variant}")
    train_and_save([one_run], validation, params.threads, torch_device(params.device))
    test = _split(parts, "test")
    right = predict(load_classifier(folder, DigitCNN(0, released=released)), test.images) == test.labels
    found = {
        "test_accuracy": float(100 * right.mean()),
        "right": base64.b64encode(np.packbits(right).tobytes()).decode(),
        "test_images": len(right),
        "images": updates * drawn,
        "shapes": parts.count,
        "facts": run_facts(params.profile, params.seed, []),
    }
    if row.masks != "cgn":
        true = parts.masks("true").astype(np.float32) / 255
        found["mask_iou"] = soft_iou(parts.masks(row.masks).astype(np.float32) / 255, true)
    return found


def _split(parts: Recombination, name: str) -> Images:
    return Images(parts.arrays[f"{name}_images"], parts.arrays[f"{name}_labels"])


def collect() -> None:
    """Writes the table of all results."""
    rows = []
    for variant, title in VARIANT_TITLES.items():
        by_row = {name: _results(variant, name) for name in ROWS}
        for name, row in ROWS.items():
            if found := by_row[name]:
                ious = [one["mask_iou"] for one in found.values() if "mask_iou" in one]
                rows.append(
                    {
                        "variant": title,
                        "masks": MASKS[row.masks],
                        "textures": TEXTURES[row.textures],
                        "biased images, %": f"{100 * row.biased:.0f}",
                        "IoU of the masks": f"{np.mean(ious):.2f}" if ious else NONE,
                        "test accuracy, %": _mean([one["test_accuracy"] for one in found.values()]),
                        "against the oracle": _against(by_row, ORACLE, name, variant),
                        "against abducted masks": _against(by_row, ABDUCTED, name, variant),
                    }
                )
    table = pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True)
    with atomic_path(FOLDER / "decomposition.md") as temporary:
        temporary.write_text(
            "# Which part of the images is it?\n\n"
            "`python -m experiments.decomposition SEED`: test accuracy, cues at random, of classifiers whose"
            " training images have masks and textures of different origin. All rows have as many shapes as"
            " there are training digits, new textures for each in every pass, and equal numbers of images and"
            " updates. Means ± standard deviations over seeds (their number). Against the oracle, and against"
            " abducted masks in textures of the CGN, in points: paired by seed with Student's interval of 95"
            " % or, of one seed, paired by test image with a bootstrap interval. Only what is clear of 0 is a"
            " difference. The settings of the masks without a generator were chosen on 500 training images of"
            f" Wildlife with their true masks, which is in their favour.\n\n{table}\n\n"
            "The same for `cgn_abduction` and the oracle of `make paper`, paired by seed: "
            f"{'; '.join(_of_paper())}.\n",
            encoding="utf-8",
        )


def _results(variant: str, row: str) -> dict[int, dict[str, Any]]:
    paths = sorted((FOLDER / variant / row).glob("seed_*.json"))
    return {int(path.stem.removeprefix("seed_")): read_json(path) for path in paths}


def _against(by_row: dict[str, dict[int, dict[str, Any]]], reference: str, name: str, variant: str) -> str:
    """How much more accurate the row `name` is than the row `reference` of the same seeds."""
    of_reference, found = by_row[reference], by_row[name]
    both = sorted(of_reference.keys() & found.keys())
    if name == reference or not both:
        return NONE
    if len(both) > 1:
        results = [
            Result(variant, "", (which,), seed, of[seed]["test_accuracy"], math.nan, {})
            for which, of in ((reference, of_reference), (name, found))
            for seed in both
        ]
        paired = difference(results, 0, name, reference)
        return paired.text() if paired else NONE
    return paired_by_image(*(right_of(of[both[0]]) for of in (found, of_reference)))


def paired_by_image(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> str:
    """How many points more of the same images are right in `first`, with the interval of a bootstrap."""
    pairs = 100 * (first.astype(np.float64) - second.astype(np.float64))
    found = bootstrap([pairs[:, None]], lambda means: means[..., 0], generator(0, "paired"))
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    clear = ", clear of 0" if found.low > 0 or found.high < 0 else ""
    return f"{found.value:+.1f} ({found.low:+.1f} to {found.high:+.1f}){clear}"


def right_of(result: dict[str, Any]) -> NDArray[np.bool_]:
    """Which test images were classified right in a result."""
    packed = np.frombuffer(base64.b64decode(result["right"]), np.uint8)
    return np.unpackbits(packed, count=result["test_images"]).astype(bool)


def _of_paper() -> list[str]:
    told = []
    for variant, title in VARIANT_TITLES.items():
        results = [
            Result(variant, "", (method,), int(path.stem[5:]), read_json(path)["test_accuracy"], math.nan, {})
            for method in ("cgn_abduction", ORACLE)
            for path in sorted((PAPER / variant / method).glob("seed_*.json"))
        ]
        paired = difference(results, 0, "cgn_abduction", ORACLE)
        told.append(f"{title} {paired.text() if paired else NONE}")
    return told


def _mean(values: list[float]) -> str:
    spread = f" ± {np.std(values, ddof=1):.1f}" if len(values) > 1 else ""
    return f"{np.mean(values):.1f}{spread} ({len(values)})"


if __name__ == "__main__":
    run_command("decomposition", {"decomposition": main})
