"""Writes reports/: the scores as tables, figures, a page and the metrics.

Paths are relative to the repository's root.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from cgn.data.class_maps import IN9_VARIANTS
from cgn.data.photos.photos import first_images
from cgn.errors import UserError
from cgn.evaluation.mix_and_match import World, imagenet_world, mnist_world
from cgn.io.arrays import read_arrays
from cgn.io.files import atomic_folder, atomic_path, read_json, write_json
from cgn.io.histories import read_history
from cgn.io.shards import read_images, shard_paths
from cgn.report import charts, figures, imagenet, imagenet_figures, page_data, tables, world_sheets
from cgn.report.ablation import ABLATIONS
from cgn.report.charts import confusion_matrices
from cgn.report.contact_sheets import arrange, write_png
from cgn.report.further import FIGURES, Further, read_further
from cgn.report.imagenet_scores import ImageNetScores, parse_scores
from cgn.report.names import METHOD_TITLES, VARIANT_TITLES
from cgn.report.page import CausalModel, render_page
from cgn.report.page_data import picture
from cgn.report.run_facts import run_facts, sizes_sentence, world_sentence
from cgn.report.scores import (
    ClassifierScore,
    MechanismScore,
    assemble_metrics,
    parse_classifiers,
    parse_mechanisms,
    summarise,
)
from cgn.scm import IMAGENET_SCM, MNIST_SCM

REPORTS = Path("reports")
SCORES = Path("scores/mnist")
IMAGENET_SCORES = Path("scores/imagenet")
WORLD = Path("data/imagenet/world")
MOST_CLASSES = 9  # shown in a figure
SHOWN_AT_RANDOM = ("original", "mixed_same", "mixed_rand")  # variants of IN-9 with random surfaces
PAPER_RUNS = REPORTS / "paper/mnist.json"  # written by experiments.paper
MODELS = Path("models/mnist")
IMAGENET_MODELS = Path("models/imagenet")
IMAGENET_SHEETS = REPORTS / "imagenet_sheets"  # written by the stage of this name
IMAGENET_SHARDS = Path("data/imagenet/shards/counterfactuals")
DATA = Path("data/mnist")

# Images read for figures: enough for a dozen of every class.
COUNTERFACTUALS = 1000

Sheet = NDArray[np.uint8]  # (H, W, 4)

log = logging.getLogger(__name__)


def mixed_worlds(world: str, truncation: float, released: bool, seed: int) -> list[World]:
    """The layers of all trained CGNs below the working directory, and the answers of all classifiers.

    `truncation` is that of the ImageNet branch's noise, `released` the form of the `DigitCNN`s. Raises
    UserError when weights are missing or damaged.
    """
    names = read_json(WORLD / "classes.json")
    labels = [_class_of_sheet(sheet) for sheet in _class_sheets()]
    return [mnist_world(variant, MODELS, released, seed) for variant in VARIANT_TITLES] + [
        imagenet_world(world, IMAGENET_MODELS, names, labels, truncation, seed)
    ]


def write_report(
    profile: str,
    seed: int,
    digits: str,
    textures: str,
    world: str,
    seconds: list[float],
    worlds: Sequence[World],
    glance: Sheet,
) -> None:
    """Reads scores, models and data below the working directory, and writes reports/.

    `digits`, `textures` and `world` describe the sources; `seconds` are the known times of stages; `worlds`
    are those of `mixed_worlds`, `glance` is the picture of `cgn.report.glance`. Raises UserError when an
    input is missing or wrong.
    """

    classifiers, mechanisms = {}, {}
    for variant in VARIANT_TITLES:
        path = SCORES / variant / "classifiers.json"
        classifiers[variant] = parse_classifiers(read_json(path), str(path))
        path = SCORES / variant / "mechanisms.json"
        mechanisms[variant] = parse_mechanisms(read_json(path), str(path))
    scored = ("accuracy", "cue_conflict", "in9", "in9_random_surfaces", "cgn", "factors")
    imagenet = parse_scores(
        {name: read_json(IMAGENET_SCORES / f"{name}.json") for name in scored}, str(IMAGENET_SCORES)
    )
    further = read_further(SCORES)
    _class_sheets()
    facts = run_facts(profile, seed, seconds)
    sizes = sizes_sentence(profile, seed, digits, textures)
    of_world = world_sentence(profile, seed, world)

    table_2 = _write_tables(classifiers, mechanisms, imagenet, further, sizes, of_world)
    sheets, data = _write_figures(classifiers, table_2, further)
    data["worlds"] = [page_data.world(mixed) for mixed in worlds]
    write_png(REPORTS / "at_a_glance.png", glance)
    sheets["at_a_glance"] = [glance]
    _write_page(classifiers, mechanisms, table_2, imagenet, further, sheets, data, facts, sizes)
    metrics = assemble_metrics(classifiers, mechanisms, imagenet, facts)
    further.add_metrics(metrics["mnist"])
    write_json(REPORTS / "metrics.json", metrics)
    write_json(REPORTS / "summary.json", summarise(metrics))
    log.info("the report is in %s", REPORTS / "index.html")


def _write_tables(
    classifiers: dict[str, dict[str, ClassifierScore]],
    mechanisms: dict[str, MechanismScore],
    scores: ImageNetScores,
    further: Further,
    sizes: str,
    of_world: str,
) -> pd.DataFrame:
    """Writes every table as CSV and markdown; returns Table 2."""

    table_2 = tables.table_2(classifiers)
    health, by_class = tables.mechanisms(mechanisms), tables.mechanisms_by_class(mechanisms)
    with atomic_folder(REPORTS / "tables") as folder:

        def write(
            name: str, frame: pd.DataFrame, title: str, table: str, legend: str = "", facts: str = sizes
        ) -> None:
            frame.to_csv(folder / f"{name}.csv", index=False, float_format="%.4g")
            (folder / f"{name}.md").write_text(tables.markdown(title, facts, table, legend), encoding="utf-8")

        side_by_side = tables.table_2_side_by_side(table_2).to_markdown()
        write("table_2", table_2, "Table 2: MNIST classification", side_by_side, tables.table_2_legend())
        for name, frame, title in (
            ("mechanisms", health, "Health of the mechanisms"),
            ("mechanisms_by_class", by_class, "Health of the mechanisms by class"),
        ):
            write(name, frame, title, frame.to_markdown(index=False), tables.MECHANISMS_LEGEND)
        for table in further.tables():
            cells = table.cells.to_markdown(index=False, disable_numparse=True)
            write(table.name, table.frame, table.title, cells, table.legend)
        for table in imagenet.tables(scores):
            cells = table.cells.to_markdown(index=False)
            write(table.name, table.frame, table.title, cells, table.legend, of_world)
        for variant, title in VARIANT_TITLES.items():
            counts = tables.confusion(classifiers[variant])
            matrices = tables.confusion_markdown(counts)
            write(f"confusion_{variant}", counts, f"Confusion on the test images: {title}", matrices)
    return table_2


def _write_figures(
    classifiers: dict[str, dict[str, ClassifierScore]], table_2: pd.DataFrame, further: Further
) -> tuple[dict[str, list[Sheet]], dict[str, Any]]:
    """Writes every figure; returns the sheets of images that are on the page, and the data of its charts."""
    shown: dict[str, list[Sheet]] = {}
    curves: dict[str, Any] = {}
    confusion = {
        variant: {method: score.confusion for method, score in of_variant.items()}
        for variant, of_variant in classifiers.items()
    }

    with atomic_folder(REPORTS / "figures") as folder:

        def write(name: str, rows: Sequence[Sequence[Sheet]]) -> None:
            write_png(folder / f"{name}.png", rows[0][0] if len(rows) == len(rows[0]) == 1 else arrange(rows))
            shown[name] = [sheet for row in rows for sheet in row]

        for variant, title in tqdm(VARIANT_TITLES.items(), desc="figures", unit="variant"):
            shards = DATA / "shards" / variant / "counterfactuals"
            images, labels = read_images(shard_paths(shards), COUNTERFACTUALS)
            splits = read_arrays(DATA / "variants" / f"{variant}.safetensors")
            snapshots = read_arrays(MODELS / "cgn" / variant / "snapshots.safetensors")
            generators = {
                name: read_history(MODELS / name.lower() / variant / "history.csv", ["step"])
                for name in ("CGN", "GAN")
            }
            columns = ["image_passes", "loss", "validation_accuracy"]
            histories = {
                method: read_history(MODELS / "classifiers" / variant / method / "history.csv", columns)
                for method in METHOD_TITLES
            }

            write(f"figure_3_{variant}", [figures.figure_3(splits, images, labels["shape"])])
            abducted, _ = read_images(shard_paths(shards.with_name("abducted")), COUNTERFACTUALS)
            pairs = splits["train_images"][: len(abducted)], abducted[: len(splits["train_images"])]
            labels_of_pairs = splits["train_labels"][: len(pairs[1])]
            write(f"abduction_{variant}", [figures.abduction(*pairs, labels_of_pairs)])
            panels = figures.mechanisms_over_training(snapshots)
            write(f"mechanisms_{variant}", [panels[:2], panels[2:]])
            matrices = confusion_matrices(tables.confusion(classifiers[variant]), title)
            (folder / f"confusion_{variant}.svg").write_text(matrices, encoding="utf-8")
            chart = charts.training_curves(generators, histories, title)
            (folder / f"training_curves_{variant}.svg").write_text(chart, encoding="utf-8")
            curves[variant] = page_data.training_charts(generators, histories)
        further.write_figures(folder)
        (folder / "accuracy.svg").write_text(charts.accuracy_bars(table_2), encoding="utf-8")
        train = first_images(WORLD, 1000)
        classes = tuple(read_json(WORLD / "classes.json"))[:MOST_CLASSES]
        if "masks" in train:
            write("emoji_world", [[world_sheets.world_sheet(train, classes)]])
            random = world_sheets.in9_sheet(WORLD / "in9_random_surfaces", SHOWN_AT_RANDOM)
            write("emoji_in9", [[world_sheets.in9_sheet(WORLD / "in9", IN9_VARIANTS)], [random]])
            conflicts = world_sheets.cue_conflict_sheet(WORLD / "cue_conflict", classes)
            write("emoji_cue_conflict", [[conflicts]])
        else:
            write("photo_world", [[world_sheets.photo_sheet(train, classes)]])
        ablations = {
            name: read_history(IMAGENET_MODELS / "ablation" / name / "history.csv", ["step", "mask_mean"])
            for name in ABLATIONS
        }
        images, labels = read_images(shard_paths(IMAGENET_SHARDS), COUNTERFACTUALS)
        sheet = world_sheets.counterfactual_sheet(images, labels["shape"], classes)
        write("imagenet_counterfactuals", [[sheet]])
        (folder / "imagenet_mask_mean.svg").write_text(
            imagenet_figures.mask_mean_curves(ablations), encoding="utf-8"
        )
        snapshots = read_arrays(IMAGENET_MODELS / "cgn/all/snapshots.safetensors")
        curve = imagenet_figures.inception_score_curve(snapshots)
        (folder / "imagenet_inception_score.svg").write_text(curve, encoding="utf-8")
        panels = imagenet_figures.mechanisms_over_training(snapshots, classes)
        write("imagenet_mechanisms", [panels[:2], panels[2:4], panels[4:]])
        curves["imagenet"] = page_data.imagenet_charts(ablations, snapshots)
    return shown, {"charts": curves, "confusion": confusion}


def _write_page(
    classifiers: dict[str, dict[str, ClassifierScore]],
    mechanisms: dict[str, MechanismScore],
    table_2: pd.DataFrame,
    scores: ImageNetScores,
    further: Further,
    sheets: dict[str, list[Sheet]],
    data: dict[str, Any],
    facts: dict[str, object],
    sizes: str,
) -> None:

    models = [
        CausalModel(scm.name, scm.equations(), scm.edges(), {node.symbol: node.name for node in scm.nodes})
        for scm in (MNIST_SCM, IMAGENET_SCM)
    ]
    names = read_json(WORLD / "classes.json")
    of_classes = [(sheet, names[_class_of_sheet(sheet)].replace("_", " ")) for sheet in _class_sheets()]
    others = ("interpolations.png", "interpolations.webp", "failures.png")
    pictures = {name: [picture(sheet) for sheet in parts] for name, parts in sheets.items()}
    pictures |= {name: [picture(IMAGENET_SHEETS / name)] for name in (*_class_sheets(), *others)}
    pictures |= {name: [picture(REPORTS / "figures" / name)] for name in FIGURES}
    paper_runs = read_json(PAPER_RUNS) if PAPER_RUNS.exists() else {}
    text = render_page(
        classifiers, mechanisms, table_2, imagenet.tables(scores), pictures, of_classes, data, models, facts,
        sizes, scores.of_photos, paper_runs, further,
    )  # fmt: skip
    with atomic_path(REPORTS / "index.html") as temporary:
        temporary.write_text(text, encoding="utf-8")


def _class_sheets() -> list[str]:
    """The files of the class sheets. Raises UserError when there are none."""
    sheets = sorted(path.name for path in IMAGENET_SHEETS.glob("mechanisms_*.png"))
    if not sheets:
        raise UserError(f"{IMAGENET_SHEETS}: not found; run the stage that makes it (dvc repro)")
    return sheets


def _class_of_sheet(name: str) -> int:
    return int(name.split("_")[1])
