"""The files of the stage `imagenet_sheets`: sheets of classes, interpolations and failure cases of a CGN."""

import logging
from collections.abc import Sequence
from pathlib import Path

from cgn.evaluation.cgn_scores import load_judges
from cgn.evaluation.failure_cases import failure_cases
from cgn.evaluation.params import SheetsParams
from cgn.generators.imagenet.interpolation import interpolate
from cgn.generators.imagenet.sheets import as_bytes, outputs_of_class
from cgn.generators.imagenet.stored import load_cgn
from cgn.generators.pretraining.stored import load_cgan
from cgn.io.files import atomic_folder
from cgn.networks.biggan import truncated_noise
from cgn.report import imagenet_sheets as sheets
from cgn.report.contact_sheets import arrange, write_animation, write_png

WORST = 6  # failure cases a rule

_log = logging.getLogger(__name__)


def write_sheets(
    folder: Path,
    models: Path,  # with pretrained, cgn/all and classifiers
    names: Sequence[str],  # of all classes
    labels: Sequence[int],  # of those that get a sheet
    params: SheetsParams,
    candidates: int,  # of which the failure cases are the worst
    seed: int,
) -> None:
    """Draw the sheets of appendices D and F with the trained CGN, as a new `folder`."""
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
            path = temporary / f"mechanisms_{label:03d}_{names[label]}.png"
            write_png(path, sheets.class_sheet(as_bytes(outputs), names[label]))
        write_png(temporary / "interpolations.png", sheets.interpolation_sheet(pairs))
        write_animation(temporary / "interpolations.webp", *sheets.interpolation_frames(pairs))
        blocks = [[sheets.failure_sheet(rule, cases, names, candidates)] for rule, cases in worst.items()]
        write_png(temporary / "failures.png", arrange(blocks))
        table = sheets.failure_table(worst, names)
        table.to_csv(temporary / "failures.csv", index=False, float_format="%.4g")
    _log.info("%d sheets, interpolations and failure cases are in %s", len(labels), folder)
