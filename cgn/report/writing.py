"""Writes reports/: the scores as tables, figures, a page and the metric.

Paths are relative to the repository's root.
"""

import logging
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from cgn.data.class_maps import IN9_VARIANTS
from cgn.data.photos.photos import first_images
from cgn.errors import UserError
from cgn.io.arrays import read_arrays
from cgn.io.files import atomic_folder, atomic_path, read_json, write_json
from cgn.io.histories import read_history
from cgn.io.shards import read_images, shard_paths
from cgn.report import charts, figures, imagenet, imagenet_figures, tables, world_sheets
from cgn.report.ablation import ABLATIONS
from cgn.report.charts import confusion_matrices
from cgn.report.contact_sheets import write_png
from cgn.report.further import Further, read_further
from cgn.report.imagenet import ImageNetScores, parse_scores
from cgn.report.names import METHOD_TITLES, VARIANT_TITLES
from cgn.report.page import CausalModel, render_page
from cgn.report.run_facts import run_facts, sizes_sentence, world_sentence
from cgn.report.scores import (
    ClassifierScore,
    MechanismScore,
    assemble_metrics,
    parse_classifiers,
    parse_mechanisms,
)
from cgn.scm import IMAGENET_SCM, MNIST_SCM

REPORTS = Path("reports")
SCORES = Path("scores/mnist")
IMAGENET_SCORES = Path("scores/imagenet")
WORLD = Path("data/imagenet/world")
MOST_CLASSES = 9  # shown in a figure
PAPER_RUNS = REPORTS / "paper/mnist.json"  # written by experiments.paper
MODELS = Path("models/mnist")
IMAGENET_MODELS = Path("models/imagenet")
IMAGENET_SHEETS = REPORTS / "imagenet_sheets"  # written by the stage of this name
IMAGENET_SHARDS = Path("data/imagenet/shards/counterfactuals")
DATA = Path("data/mnist")

# Images read for figures: enough for a dozen of every class.
COUNTERFACTUALS = 1000

log = logging.getLogger(__name__)


def write_report(
    profile: str, seed: int, digits: str, textures: str, world: str, seconds: list[float]
) -> None:
    """Reads scores, models and data below the working directory, and writes reports/.

    `digits`, `textures` and `world` describe the sources; `seconds` are the known times of stages. Raises
    UserError when an input is missing or wrong.
    """

    classifiers, mechanisms = {}, {}
    for variant in VARIANT_TITLES:
        path = SCORES / variant / "classifiers.json"
        classifiers[variant] = parse_classifiers(read_json(path), str(path))
        path = SCORES / variant / "mechanisms.json"
        mechanisms[variant] = parse_mechanisms(read_json(path), str(path))
    scored = ("accuracy", "cue_conflict", "in9", "cgn", "factors")
    imagenet = parse_scores(
        {name: read_json(IMAGENET_SCORES / f"{name}.json") for name in scored}, str(IMAGENET_SCORES)
    )
    further = read_further(SCORES)
    sheets = _class_sheets()
    facts = run_facts(profile, seed, seconds)
    sizes = sizes_sentence(profile, seed, digits, textures)
    of_world = world_sentence(profile, seed, world)

    table_2 = _write_tables(classifiers, mechanisms, imagenet, further, sizes, of_world)
    _write_figures(classifiers, table_2, further)
    _write_page(classifiers, mechanisms, table_2, imagenet, further, sheets, facts, sizes)
    metrics = assemble_metrics(classifiers, mechanisms, imagenet, facts)
    further.add_metrics(metrics["mnist"])
    write_json(REPORTS / "metrics.json", metrics)
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
) -> None:

    with atomic_folder(REPORTS / "figures") as folder:
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

            write_png(folder / f"figure_3_{variant}.png", figures.figure_3(splits, images, labels["shape"]))
            abducted, _ = read_images(shard_paths(shards.with_name("abducted")), COUNTERFACTUALS)
            pairs = splits["train_images"][: len(abducted)], abducted[: len(splits["train_images"])]
            labels_of_pairs = splits["train_labels"][: len(pairs[1])]
            write_png(folder / f"abduction_{variant}.png", figures.abduction(*pairs, labels_of_pairs))
            write_png(folder / f"mechanisms_{variant}.png", figures.mechanisms_over_training(snapshots))
            matrices = confusion_matrices(tables.confusion(classifiers[variant]), title)
            (folder / f"confusion_{variant}.svg").write_text(matrices, encoding="utf-8")
            curves = charts.training_curves(generators, histories, title)
            (folder / f"training_curves_{variant}.svg").write_text(curves, encoding="utf-8")
        further.write_figures(folder)
        (folder / "accuracy.svg").write_text(charts.accuracy_bars(table_2), encoding="utf-8")
        train = first_images(WORLD, 1000)
        classes = tuple(read_json(WORLD / "classes.json"))[:MOST_CLASSES]
        if "masks" in train:
            write_png(folder / "emoji_world.png", world_sheets.world_sheet(train, classes))
            write_png(folder / "emoji_in9.png", world_sheets.in9_sheet(WORLD / "in9", IN9_VARIANTS))
            conflicts = world_sheets.cue_conflict_sheet(WORLD / "cue_conflict", classes)
            write_png(folder / "emoji_cue_conflict.png", conflicts)
        else:
            write_png(folder / "photo_world.png", world_sheets.photo_sheet(train, classes))
        ablations = {
            name: read_history(IMAGENET_MODELS / "ablation" / name / "history.csv", ["step", "mask_mean"])
            for name in ABLATIONS
        }
        images, labels = read_images(shard_paths(IMAGENET_SHARDS), COUNTERFACTUALS)
        sheet = world_sheets.counterfactual_sheet(images, labels["shape"], classes)
        write_png(folder / "imagenet_counterfactuals.png", sheet)
        (folder / "imagenet_mask_mean.svg").write_text(
            imagenet_figures.mask_mean_curves(ablations), encoding="utf-8"
        )
        snapshots = read_arrays(IMAGENET_MODELS / "cgn/all/snapshots.safetensors")
        curve = imagenet_figures.inception_score_curve(snapshots)
        (folder / "imagenet_inception_score.svg").write_text(curve, encoding="utf-8")
        outputs = imagenet_figures.mechanisms_over_training(snapshots, classes)
        write_png(folder / "imagenet_mechanisms.png", outputs)


def _write_page(
    classifiers: dict[str, dict[str, ClassifierScore]],
    mechanisms: dict[str, MechanismScore],
    table_2: pd.DataFrame,
    scores: ImageNetScores,
    further: Further,
    sheets: list[tuple[str, str]],
    facts: dict[str, object],
    sizes: str,
) -> None:

    models = [
        CausalModel(scm.name, scm.equations(), scm.edges(), {node.symbol: node.name for node in scm.nodes})
        for scm in (MNIST_SCM, IMAGENET_SCM)
    ]
    paper_runs = read_json(PAPER_RUNS) if PAPER_RUNS.exists() else {}
    text = render_page(
        REPORTS, classifiers, mechanisms, table_2, imagenet.tables(scores), sheets, models, facts, sizes,
        scores.of_photos, paper_runs, further,
    )  # fmt: skip
    with atomic_path(REPORTS / "index.html") as temporary:
        temporary.write_text(text, encoding="utf-8")


def _class_sheets() -> list[tuple[str, str]]:
    """The files of the class sheets and the classes' names. Raises UserError when there are none."""

    sheets = sorted(path.name for path in IMAGENET_SHEETS.glob("mechanisms_*.png"))
    if not sheets:
        raise UserError(f"{IMAGENET_SHEETS}: not found; run the stage that makes it (dvc repro)")
    names = read_json(WORLD / "classes.json")
    return [(sheet, names[int(sheet.split("_")[1])].replace("_", " ")) for sheet in sheets]
