"""Counterfactuals, classifiers and an audit of a folder of photos (`make photos PHOTOS=/path/to/folder`).

The graph runs in a copy, below the folder of the results. The workspace's own outputs and lock do not change.
"""

import logging
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from ruamel.yaml import YAML

from cgn.errors import UserError
from cgn.generators.photos.factors import read_factors
from cgn.io.files import alone, located, read_json, write_json
from cgn.report.photos import write_photo_report
from experiments.experiment import DVC
from stages.command import run_command

log = logging.getLogger(__name__)

CODE = (
    *("assets.yaml", "budgets", "cgn", "imagenet/dvc.yaml", "params.yaml", "stages"),
    "weights/emoji/SHA256SUMS",
)
TARGETS = ("train_imagenet_classifiers", "train_mixed_abducted", "train_ensemble@abducted")
SHARDS, CLASSIFIERS = "data/imagenet/shards/abducted", "models/imagenet/classifiers"
RESULTS = {"counterfactuals": SHARDS} | {
    f"classifiers/{name}": f"{CLASSIFIERS}/{name}" for name in ("in", "mixed_abducted", "ensemble_abducted")
}


def main(
    photos: Annotated[str, typer.Argument(help="folder of <class>/*.jpg, or a CSV file")],
    out: Annotated[str, typer.Option(help="folder of the results; default: results/<name of PHOTOS>")] = "",
    seeds: Annotated[int, typer.Option(min=1, help="trainings with seeds 0, 1, ...; scores are means")] = 1,
    source: Annotated[str, typer.Option(help="where the photos come from, a line for the page")] = "",
    set_param: Annotated[list[str], typer.Option("-S", help="further parameters, as of dvc exp run")] = [],  # noqa: B006
) -> None:
    """Make counterfactuals of PHOTOS, train classifiers on them, and score these on held-out photos."""
    folder = located(photos)
    if not photos or not folder.exists():
        raise UserError(f"PHOTOS={photos}: no such folder; it holds a sub-folder of images for each class")
    name = folder.resolve().stem if folder.is_file() else folder.resolve().name
    results, started = located(out or f"results/{name}"), time.monotonic()
    with alone(results):
        graph, scores = results / "graph", []
        copy_graph(graph)
        for seed in range(seeds):
            set_parameters(graph, folder, seed, set_param)
            if seed == 0:  # the photos are no dependency of the graph, and may have changed
                repro(graph, "--force", "--single-item", "imagenet/dvc.yaml:imagenet_world")
            repro(graph, *(f"imagenet/dvc.yaml:{target}" for target in TARGETS))
            run_in(graph, sys.executable, "-m", "stages.score_photos")
            scores.append(read_json(graph / "scores/imagenet/photos.json"))
            write_json(results / "scores" / f"seed_{seed}.json", scores[-1])
            for name, made in RESULTS.items():
                shutil.copytree(graph / made, results / f"seed_{seed}" / name, dirs_exist_ok=True)
        how = {
            "source": source,
            "minutes": round((time.monotonic() - started) / 60),
            "command": f"make photos PHOTOS=.../{folder.name}",
        }
        factors = read_factors(graph / "data/imagenet/world", graph / "data/imagenet/factors", "train")
        masks, shards = read_json(graph / "scores/imagenet/factors.json"), graph / SHARDS
        write_photo_report(results / "report", scores, masks, factors, shards, how)
        page = results / "report" / "index.html"
        log.info("The page is %s; counterfactuals and classifiers are beside it.", page)


def copy_graph(graph: Path) -> None:
    """Copies the code and the parameters to `graph`, a DVC repository without Git; outputs there stay."""
    for name in CODE:
        source, target = Path(name), graph / name
        if source.is_dir():
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    (graph / ".dvc").mkdir(exist_ok=True)
    text = "[core]\n    analytics = false\n    check_update = false\n    no_scm = true\n"
    (graph / ".dvc" / "config").write_text(text, encoding="utf-8")
    shutil.copy(".dvcignore", graph)


def set_parameters(graph: Path, photos: Path, seed: int, settings: list[str]) -> None:
    """Sets profile, world, folder and seed in the parameters of `graph`, then `settings`, as of -S.

    Raises UserError for an unknown file or key, or a bad value.
    """
    from cgn.params.reading import read
    from experiments.settings import override

    for name in ("params.yaml", "budgets/photos.yaml"):
        shutil.copy(name, graph / name)
    yaml, path = YAML(), graph / "params.yaml"
    params = yaml.load(path.read_text(encoding="utf-8"))
    params["profile"], params["imagenet"]["world"] = "photos", "folder"
    params["imagenet"]["folder"]["path"], params["seed"] = str(photos), seed
    with path.open("w", encoding="utf-8") as stream:
        yaml.dump(params, stream)
    override(graph, settings)
    read(graph)


def repro(graph: Path, *words: str) -> None:
    """Runs `dvc repro` in `graph`. Raises UserError when a stage fails."""
    run_in(graph, *DVC, "repro", *words)


def run_in(graph: Path, *words: str) -> None:
    """Runs a command in `graph`. Raises UserError when it fails."""
    if subprocess.run(words, cwd=graph).returncode != 0:
        raise UserError("make photos: failed (see above); once that is mended, the same command goes on")


if __name__ == "__main__":
    run_command("photos", {"photos": main})
