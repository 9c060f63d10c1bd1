"""Stage `imagenet_sheets`: what the mechanisms draw of each class, interpolations, failure cases."""

import logging
from pathlib import Path

from stages.command import run, section

PRETRAINED = Path("models/imagenet/pretrained")
CGN = Path("models/imagenet/cgn/all")
CLASSIFIERS = Path("models/imagenet/classifiers")
# The oracle knows the classes by shape alone, what a composite should keep; a world of photos has none.
JUDGES = ("oracle", "in")
CLASSES = Path("data/imagenet/world/classes.json")
OUTPUT = Path("reports/imagenet_sheets")
MOST_CLASSES = 9  # where none are named
WORST = 6  # failure cases a rule

_log = logging.getLogger(__name__)


def main() -> None:
    """Draw the sheets of appendices D and F with the trained CGN."""
    seed = section("seed")
    section("threads")
    params = section("imagenet.sheets")
    candidates = section("budgets.imagenet_sheets").failure_candidates

    names, labels = _classes(params.classes)

    from cgn.data.left_out import why_left_out
    from cgn.evaluation.cgn_scores import Judges
    from cgn.evaluation.failure_cases import failure_cases
    from cgn.generators.imagenet.sheets import as_bytes, interpolate, outputs_of_class
    from cgn.generators.imagenet.stored import load_cgn
    from cgn.generators.pretraining.stored import load_cgan, load_segmenter, world_resolution
    from cgn.io.files import atomic_folder
    from cgn.networks.biggan import truncated_noise
    from cgn.networks.small_resnet import load_small_resnet
    from cgn.report import imagenet_sheets as sheets
    from cgn.report.contact_sheets import arrange, write_animation, write_png

    cgn, cgan = load_cgn(CGN, PRETRAINED), load_cgan(PRETRAINED)
    judge = next(name for name in JUDGES if not why_left_out(CLASSIFIERS / name))
    classifier = load_small_resnet(CLASSIFIERS / judge)
    judges = Judges(classifier, load_segmenter(PRETRAINED), world_resolution(PRETRAINED))

    pairs = []
    for number in range(params.interpolations):
        first, second = (labels[(2 * number + end) % len(labels)] for end in (0, 1))
        noise = truncated_noise(
            seed, "interpolations", 2 * number, 2 * number + 2, cgn.sizes.noise_dimensions, params.truncation
        )
        moved = interpolate(cgn, noise, (first, second), params.interpolation_frames, params.truncation)
        composites = {name: as_bytes(outputs)["composite"] for name, outputs in moved.items()}
        pairs.append((names[first], names[second], composites))
    worst = failure_cases(cgn, cgan, judges, candidates, WORST, seed)

    with atomic_folder(OUTPUT) as folder:
        for label in labels:
            outputs = outputs_of_class(cgn, label, params.columns, params.truncation, seed)
            path = folder / f"mechanisms_{label:03d}_{names[label]}.png"
            write_png(path, sheets.class_sheet(as_bytes(outputs), names[label]))
        write_png(folder / "interpolations.png", sheets.interpolation_sheet(pairs))
        write_animation(folder / "interpolations.webp", *sheets.interpolation_frames(pairs))
        blocks = [[sheets.failure_sheet(rule, cases, names, candidates)] for rule, cases in worst.items()]
        write_png(folder / "failures.png", arrange(blocks))
        sheets.failure_table(worst, names).to_csv(folder / "failures.csv", index=False, float_format="%.4g")
    _log.info("%d sheets, interpolations and failure cases are in %s", len(labels), OUTPUT)


def _classes(chosen: list[str] | None) -> tuple[list[str], list[int]]:
    """The names of all classes of the world, and the labels of the chosen ones."""
    from cgn.errors import UserError
    from cgn.io.files import read_json

    names = read_json(CLASSES)
    chosen = chosen or names[:MOST_CLASSES]
    if unknown := [name for name in chosen if name not in names]:
        raise UserError(f"imagenet.sheets.classes: no class {unknown[0]}; {CLASSES} has the names")
    return names, [names.index(name) for name in chosen]


if __name__ == "__main__":
    run(main)
