"""Planned: the hours of the paper's whole ImageNet part on 1, 8 and 64 GPUs. Nobody has made this run.

`python -m benchmarks.paper_plan` multiplies the images of `experiments.imagenet` by the times that
`full_size` has measured on one H200 (full_size_h200.json, random weights), and by those that `reading` has
measured on processors (reading.json, of another machine). A GPU has 16 processors, as there. Bytes are those
of the pictures that `reading` makes.

With `-S launch.processes=GPUS`, and `launch.machines` on nodes of eight, every part is split evenly; the
hours suppose that nothing is lost by that, which was not measured.
"""

from pathlib import Path
from typing import Annotated, Any, NamedTuple

import pandas as pd
import typer

from cgn.generators.imagenet.losses import ABLATIONS
from cgn.io.files import read_json
from experiments.imagenet import settings_of
from experiments.settings import overridden

STEPS, READING = Path("benchmarks/full_size_h200.json"), Path("benchmarks/reading.json")
PHOTOS, SHARDS = "photos, ours", "PNG shards, ours"  # cases of `reading`
PROCESSORS = 16  # of each GPU
GPUS = (1, 8, 64)
# Images of a classifier's tests: the validation images, eight variants of IN-9, and the cue-conflict set.
TESTED = 50_000 + 8 * 4_050 + 1_280
CLASSIFIERS = 7  # in, sin, in_sin, the ensemble and its three heads
UPDATE, BATCH = 250, 512  # batches of an update of the CGN; images of a batch of the ensemble
FORWARD = 3  # times faster than a training step: it has a third of the operations


class Part(NamedTuple):
    """A part of the run."""

    images: int
    gpu_rate: float  # images a second
    share: float  # of the speed of a large matrix product
    processor: float  # processor-seconds of an image
    hours: float  # on one GPU
    bound: str


def main(
    preset: Annotated[str, typer.Option(help="paper, or released: the released code's values")] = "paper",
) -> None:
    """Print the parts and the hours."""
    reading = read_json(READING)
    print(table(parts(preset, read_json(STEPS), reading), reading))


def table(found: dict[str, Part], reading: dict[str, Any]) -> str:
    """The parts, the hours for each number of GPUs, and the bytes on the disk."""
    lines, hours = pd.DataFrame(map(_line, found.items())), pd.DataFrame(plan(found, reading))
    forms = ("", ".0f", ".1f", ".2f", ".2f", ".1f", ".2f", "")
    parts_of = lines.to_markdown(index=False, floatfmt=forms)
    hours_of = hours.to_markdown(index=False, floatfmt=(".0f", ".1f", ".1f", ".0f", ".0f", ".1f"))
    shards = found["counterfactuals"].images * reading["rows"][SHARDS]["bytes_of_an_image"]
    read = found["ensemble"].images * bytes_read(reading)
    told = f"The shards have {shards / 1e9:.0f} GB. In all epochs the ensemble reads {read / 1e12:.1f} TB."
    return f"{parts_of}\n\n{hours_of}\n\n{told}"


def bytes_read(reading: dict[str, Any]) -> float:
    """Bytes of an image of the ensemble's training: half are photos, half counterfactuals."""
    return sum(float(reading["rows"][case]["bytes_of_an_image"]) for case in (PHOTOS, SHARDS)) / 2


def parts(preset: str, steps: dict[str, Any], reading: dict[str, Any]) -> dict[str, Part]:
    """The parts of a preset by name, in the order of the run."""
    budgets = overridden(settings_of(preset, "/data/imagenet", 0, "cuda", PROCESSORS)).budgets
    cgn, ablation = budgets.train_imagenet_cgn, budgets.ablate_imagenet_cgn

    def row(what: str, precision: str, batch: int) -> dict[str, Any]:
        asked = {"what": what, "precision": precision, "batch": batch}
        return next(row for row in steps["rows"] if asked.items() <= row.items())

    def on_gpu(images: int, row: dict[str, Any], times: int = 1) -> Part:
        rate = row["images_per_second"] * times
        return Part(images, rate, row["share"], 0.0, images / rate / 3600, "arithmetic at this share")

    def trained(budget: Any) -> Part:
        images = budget.steps * budget.batch * budget.accumulation
        return on_gpu(images, row("CGN training batch, replayed", budget.precision, budget.batch))

    def seconds(case: str) -> float:
        return 1 / float(reading["rows"][case]["images_per_cpu_second"])

    # The stages that sample launch kernel by kernel, with torch's default precision.
    sampled = row("counterfactuals, kernel by kernel", "tf32", 32)
    images = budgets.sample_imagenet_counterfactuals.images
    drawn, writing = on_gpu(images, sampled), seconds("PNG shards, written")
    step = row("ResNet-50, three heads, step, channels last", "bf16", 512)
    ensemble = on_gpu(budgets.train_ensemble.image_passes, step)
    decoding = (seconds(PHOTOS) + seconds(SHARDS)) / 2
    decoded = ensemble.images * decoding / PROCESSORS / 3600
    one, five = trained(cgn), trained(ablation)
    return {
        "CGN": one,
        f"{len(ABLATIONS)} ablations": five._replace(
            images=len(ABLATIONS) * five.images, hours=len(ABLATIONS) * five.hours
        ),
        # One thread draws a block and writes it, in turns.
        "counterfactuals": drawn._replace(
            processor=writing,
            hours=drawn.hours + images * writing / 3600,
            bound="PNGs of one thread" if images * writing > drawn.hours * 3600 else drawn.bound,
        ),
        # Of the CGN, its ablations and (less work) the BigGAN alone.
        "scores of Table 1": on_gpu(budgets.score_imagenet_cgn.images * (len(ABLATIONS) + 2), sampled),
        # Workers decode while the GPU computes.
        "ensemble": ensemble._replace(
            processor=decoding,
            hours=max(ensemble.hours, decoded),
            bound=f"decoding by {PROCESSORS} processors" if decoded > ensemble.hours else ensemble.bound,
        ),
        "scores of classifiers": on_gpu(TESTED * CLASSIFIERS, step, FORWARD),
    }


def _line(named: tuple[str, Part]) -> dict[str, Any]:
    name, part = named
    return {
        "part": name,
        "images": part.images,
        "GPU images/s": part.gpu_rate,
        "share of a matrix product's speed": part.share,
        "GPU hours": part.images / part.gpu_rate / 3600,
        "processor hours": part.images * part.processor / 3600,
        "hours on one GPU": part.hours,
        "bound": part.bound,
    }


def plan(found: dict[str, Part], reading: dict[str, Any]) -> list[dict[str, Any]]:
    """Hours, hours in which a GPU is held, and what the ensemble reads, for each number of GPUs."""
    whole, ensemble = sum(part.hours for part in found.values()), found["ensemble"]
    rate = ensemble.images / ensemble.hours / 3600 * bytes_read(reading) / 1e9  # GB a second of one GPU
    return [
        {
            "GPUs": gpus,
            "hours, if nothing is lost": whole / gpus,
            "GPU hours": whole,
            "batches a GPU has of an update of the CGN": UPDATE // gpus,
            "images it has of a batch of the ensemble": BATCH // gpus,
            "GB/s that the ensemble reads": rate * gpus,
        }
        for gpus in GPUS
    ]


if __name__ == "__main__":
    typer.run(main)
