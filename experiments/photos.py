"""Counterfactuals, classifiers and an audit of a folder of photos (`make photos PHOTOS=/path/to/folder`).

The graph runs in a copy, below the folder of the results. The workspace's own outputs and lock do not change.
"""

import shutil
import subprocess
from pathlib import Path
from typing import Annotated

import typer
from ruamel.yaml import YAML

from cgn.errors import UserError
from cgn.io.files import located
from experiments.experiment import DVC

CODE = (
    "assets.yaml",
    "budgets",
    "cgn",
    "imagenet/dvc.yaml",
    "params.yaml",
    "stages",
    "weights/emoji/SHA256SUMS",
)
TARGETS = (
    "train_imagenet_classifiers",
    "train_mixed_abducted",
    "train_ensemble@abducted",
)
RESULTS = {
    "counterfactuals": "data/imagenet/shards/abducted",
    "classifiers": "models/imagenet/classifiers",
    "scores": "scores/imagenet",
}


def main(
    photos: Annotated[str, typer.Argument(help="folder of <class>/*.jpg")],
    out: Annotated[str, typer.Option(help="folder of the results; None: results/<name of PHOTOS>")] = "",
    set_param: Annotated[list[str], typer.Option("-S", help="further parameters, as of dvc exp run")] = [],  # noqa: B006
) -> None:
    """Make counterfactuals of PHOTOS, train classifiers on them, and score these on held-out photos."""
    folder = located(photos)
    if not photos or not folder.is_dir():
        raise UserError(f"PHOTOS={photos}: no such folder; it holds a sub-folder of images for each class")
    results = located(out) if out else Path.cwd() / "results" / folder.name
    graph = results / "graph"
    copy_graph(graph)
    set_parameters(graph, folder, set_param)
    repro(
        graph, "--force", "--single-item", "imagenet/dvc.yaml:imagenet_world"
    )  # no dependency: photos may change
    repro(graph, *(f"imagenet/dvc.yaml:{target}" for target in TARGETS))
    for name, made in RESULTS.items():
        shutil.copytree(graph / made, results / name, dirs_exist_ok=True)
    print(f"Counterfactuals, classifiers and scores are in {results}.")


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


def set_parameters(graph: Path, photos: Path, settings: list[str]) -> None:
    """Sets profile, world and folder in the parameters of `graph`, then `settings` ("[file:]key=value").

    Raises UserError for an unknown file or key, or a bad value.
    """
    from cgn.params.reading import read
    from experiments.settings import override

    yaml, path = YAML(), graph / "params.yaml"
    params = yaml.load(path.read_text(encoding="utf-8"))
    params["profile"], params["imagenet"]["world"] = "photos", "folder"
    params["imagenet"]["folder"]["path"] = str(photos)
    with path.open("w", encoding="utf-8") as stream:
        yaml.dump(params, stream)
    override(graph, settings)
    read(graph)


def repro(graph: Path, *words: str) -> None:
    """Runs `dvc repro` in `graph`. Raises UserError when a stage fails."""
    if subprocess.run([*DVC, "repro", *words], cwd=graph).returncode != 0:
        raise UserError("make photos: failed (see above); once that is mended, the same command goes on")


if __name__ == "__main__":
    try:
        typer.run(main)
    except UserError as error:
        raise SystemExit(f"photos: error: {error}") from None
