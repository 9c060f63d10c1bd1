"""Draws the sheets of appendices D and F: the mechanisms' outputs, interpolations and failure cases."""

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cgn.evaluation.cgn_scores import load_judges
from cgn.evaluation.failure_cases import FailureCases, failure_cases
from cgn.evaluation.params import SheetsParams
from cgn.generators.imagenet.mechanisms import load_cgn
from cgn.generators.imagenet.sheets import as_bytes, interpolate, outputs_of_class
from cgn.generators.pretraining.stored import load_cgan
from cgn.io.files import atomic_folder
from cgn.networks.biggan import truncated_noise
from cgn.report.contact_sheets import arrange, contact_sheet, write_animation, write_png

Images = NDArray[np.uint8]

# The rows of a class sheet, in the paper's order.
OUTPUTS = {
    "premask": "pre-mask",
    "mask": "mask m",
    "foreground": "texture f",
    "background": "background b",
    "composite": "composite",
}
# Name of an interpolation -> title.
MOVES = {"shape": "shape", "foreground": "texture", "background": "background", "all": "all"}
# Rule of failure cases -> title, and format of a value.
RULES = {
    "mask": ("mask and object agree least: IoU", "{:.2f}"),
    "background": ("most object left in the background: share of its pixels", "{:.1f} %"),
    "texture": ("most background left in the texture: correlation with x_gt", "{:.2f}"),
    "class": ("class least recognised: its probability, the answer", "{:.0f} %"),
}
PICTURED = 9  # frames of an interpolation on the sheet
GAP = 18  # pixels between images with labels of their own
_SMALL = 64  # images up to this size (pixels) are shown at double size
_FRAME, _END = 80, 700  # milliseconds for which a frame of the animation, and each end, is shown


def class_sheet(outputs: Mapping[str, Images], name: str) -> Images:
    """The outputs of one class: a row for each of `OUTPUTS`, a column for each noise.

    `outputs` are uint8 (n, r, r, 3 or 1) by name; `name` is the class's.
    """
    rows = np.stack([_colored(outputs[output]) for output in OUTPUTS])
    return arrange([[contact_sheet(rows, list(OUTPUTS.values()), title=_plain(name), scale=_scale(rows))]])


def interpolation_sheet(pairs: Sequence[tuple[str, str, Mapping[str, Images]]]) -> Images:
    """The interpolations between pairs of classes: a block for each pair, a row for each of `MOVES`.

    Each of `pairs` has the names of the two classes, and composites uint8 (frames, r, r, 3) by move. At most
    `PICTURED` frames are shown, including both ends.
    """
    blocks = []
    for first, second, frames in pairs:
        rows = np.stack([frames[move] for move in MOVES])
        count = rows.shape[1]
        shown = np.unique(np.linspace(0, count - 1, min(count, PICTURED)).round().astype(int))
        title = f"{_plain(first)} to {_plain(second)}"
        blocks.append([contact_sheet(rows[:, shown], list(MOVES.values()), title=title, scale=_scale(rows))])
    return arrange(blocks)


def interpolation_frames(
    pairs: Sequence[tuple[str, str, Mapping[str, Images]]],
) -> tuple[list[Images], list[int]]:
    """The frames of the animation, forth and back, and for how long each is shown (milliseconds).

    `pairs` are those of `interpolation_sheet`. A row is a pair, a column a move.
    """
    names = [f"{_plain(first)} to {_plain(second)}" for first, second, _ in pairs]
    cells = np.stack([np.stack([frames[move] for move in MOVES]) for _, _, frames in pairs])
    there = [
        arrange([[contact_sheet(cells[:, :, t], names, list(MOVES.values()), scale=_scale(cells), gap=GAP)]])
        for t in range(cells.shape[2])
    ]
    times = [_END, *[_FRAME] * (len(there) - 2), _END]
    return there + there[-2:0:-1], times + times[-2:0:-1]


def failure_sheet(rule: str, cases: FailureCases, names: Sequence[str], candidates: int) -> Images:
    """The worst images by one of `RULES`: a column each, with the class above and the value below.

    For the rule `class`, the predicted class is beside the value. `names` are those of the classes;
    `candidates` is the number of images from which the worst were taken.
    """
    title, form = RULES[rule]
    captions = [form.format(value) for value in cases.values]
    if rule == "class":
        answers = [_short(names[answer]) for answer in cases.answers]
        captions = [f"{value}, {answer}" for value, answer in zip(captions, answers, strict=True)]
    rows = np.stack([_colored(images) for images in cases.images.values()])
    return contact_sheet(
        rows,
        list(cases.images),
        [_short(names[label]) for label in cases.labels],
        f"{title} (mean of {candidates:,}: {form.format(cases.mean)})",
        _scale(rows),
        gap=GAP,
        captions=captions,
    )


def failure_table(cases: Mapping[str, FailureCases], names: Sequence[str]) -> pd.DataFrame:
    """The failure cases as a table: a row for each image with number, class, predicted class and value."""
    return pd.concat(
        pd.DataFrame(
            {
                "rule": rule,
                "image": found.indices,
                "class": [names[label] for label in found.labels],
                "recognised_as": [names[answer] for answer in found.answers],
                "value": found.values,
                "mean": found.mean,
            }
        )
        for rule, found in cases.items()
    )


def _colored(images: Images) -> Images:
    return np.broadcast_to(images, (*images.shape[:-1], 3))


def _scale(images: Images) -> int:
    return 2 if images.shape[-2] <= _SMALL else 1


def file_of_class(label: int, name: str) -> str:
    """The file of a class sheet: every disk, locale and link can hold it, whatever the class's name."""
    return f"mechanisms_{label:03d}_{re.sub(r'[^A-Za-z0-9_.-]+', '_', name)[:50]}.png"


def _plain(name: str) -> str:
    return name.replace("_", " ")


def _short(name: str) -> str:
    return name.split("_")[-1][:12]  # fits under an image


WORST = 6  # failure cases for each rule

log = logging.getLogger(__name__)


def write_sheets(
    folder: Path,
    models: Path,  # with pretrained, cgn/all and classifiers
    names: Sequence[str],  # of all classes
    labels: Sequence[int],  # classes that get a sheet
    params: SheetsParams,
    candidates: int,  # number of images among which failure cases are searched
    seed: int,
) -> None:
    """Draws the sheets of appendices D and F with the trained CGN, and writes them to a new `folder`.

    Raises UserError when a model is missing or damaged.
    """
    pretrained = models / "pretrained"
    cgn, cgan = load_cgn(models / "cgn/all", pretrained), load_cgan(pretrained)
    _, judges = load_judges(models)

    pairs, dimensions, truncation = [], cgn.sizes.noise_dimensions, params.truncation
    for number in range(params.interpolations):
        first, second = (labels[(2 * number + end) % len(labels)] for end in (0, 1))
        places = (2 * number, 2 * number + 2)
        noise = truncated_noise(seed, "interpolations", *places, dimensions, truncation)
        moved = interpolate(cgn, noise, (first, second), params.interpolation_frames, truncation)
        composites = {name: as_bytes(outputs)["composite"] for name, outputs in moved.items()}
        pairs.append((names[first], names[second], composites))
    worst = failure_cases(cgn, cgan, judges, candidates, WORST, seed)

    with atomic_folder(folder) as temporary:
        for label in labels:
            outputs = outputs_of_class(cgn, label, params.columns, truncation, seed)
            write_png(
                temporary / file_of_class(label, names[label]), class_sheet(as_bytes(outputs), names[label])
            )
        write_png(temporary / "interpolations.png", interpolation_sheet(pairs))
        write_animation(temporary / "interpolations.webp", *interpolation_frames(pairs))
        blocks = [[failure_sheet(rule, cases, names, candidates)] for rule, cases in worst.items()]
        write_png(temporary / "failures.png", arrange(blocks))
        table = failure_table(worst, names)
        table.to_csv(temporary / "failures.csv", index=False, float_format="%.4g")
    log.info("%d sheets, interpolations and failure cases are in %s", len(labels), folder)
