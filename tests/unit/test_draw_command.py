"""`cgn draw`, and the weights and the notebook that come with it."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from PIL import Image
from ruamel.yaml import YAML

from cgn.data.mnist.variants import VARIANTS
from cgn.generators.mnist.drawing import draw_after
from cgn.generators.mnist.mechanisms import CGN
from cgn.generators.mnist.stored import load_cgn
from experiments.settings import overridden


def cgn(folder: Path, root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(root)}
    return subprocess.run(
        [sys.executable, "-m", "stages.cli", "draw", *words],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "weights"), [([], "wildlife_mnist"), (["--profile=paper"], "paper/wildlife_mnist")]
)
def test_a_drawing_from_any_folder(root: Path, tmp_path: Path, words: list[str], weights: str) -> None:
    classes = ["--shape=3", "--foreground=7", "--background=1"]
    done = cgn(tmp_path, root, "wildlife", *classes, "--out=x.png", *words)
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "x.png") as image:
        drawn = np.asarray(image)
    generators = load_cgn(root / "weights/mnist" / weights)
    wanted = draw_after(generators, 0, shape=3, foreground=7, background=1)
    # Four pictures of 192 pixels, 2 apart, from left to right.
    for place, name in enumerate(("shape", "foreground", "background", "composer")):
        part = drawn[-192::6, place * 194 : place * 194 + 192 : 6, :3]
        np.testing.assert_array_equal(part, np.broadcast_to(wanted[name], (32, 32, 3)))


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["jungle", "--out=x.png"], "jungle: no such images; there are colored, double_colored, wildlife"),
        (["wildlife", "--out=x.jpg"], "--out x.jpg: not a .png file; choose a name that ends in .png"),
        (["wildlife", "--shape=12", "--out=x.png"], "Invalid value for '--shape'"),
        (["wildlife", "--profile=smoke", "--out=x.png"], "Invalid value for '--profile'"),
        (["wildlife"], "Missing option '--out'"),
    ],
)
def test_a_mistake_gives_one_line(root: Path, tmp_path: Path, words: list[str], line: str) -> None:
    done = cgn(tmp_path, root, *words)
    assert done.returncode != 0
    assert line in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_an_intervention_changes_its_mechanism_alone(root: Path) -> None:
    generators = load_cgn(root / "weights/mnist/double_colored_mnist")
    one, other = (draw_after(generators, 5, shape=3, foreground=7, background=b) for b in (1, 2))
    np.testing.assert_array_equal(one["shape"], other["shape"])
    np.testing.assert_array_equal(one["foreground"], other["foreground"])
    assert (one["background"] != other["background"]).any()


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def test_the_shipped_weights_are_those_that_the_committed_run_trained(root: Path) -> None:
    shipped = root / "weights/mnist"
    beside = json.loads((shipped / "beside.json").read_text(encoding="utf-8"))
    lock = YAML(typ="safe").load((root / "dvc.lock").read_text(encoding="utf-8"))["stages"].values()
    digests = {out["path"]: out["md5"] for stage in lock for out in stage.get("outs", [])}
    found = 0
    for output, others in beside.items():
        folder = shipped / output.removeprefix("models/mnist/").removeprefix("cgn/")
        if "classifiers" in output:
            *_, variant, method = output.split("/")
            folder = shipped / variant / "classifiers" / method
        weights = folder / "weights.safetensors"
        assert weights.stat().st_size < 2e6
        files = others | {weights.name: md5(weights)}
        # DVC's digest of a folder.
        listing = json.dumps([{"md5": digest, "relpath": name} for name, digest in sorted(files.items())])
        trained = {path.name: md5(path) for path in (root / output).glob("*") if path.name != weights.name}
        assert hashlib.md5(listing.encode()).hexdigest() + ".dir" == digests[output], (
            f"{output}: copy its weights to {folder}; beside.json has to hold {trained}"
        )
        found += 1
    others = set(shipped.rglob("*.safetensors")) - set((shipped / "paper").rglob("*"))
    assert found == len(others) == len(VARIANTS) + 2


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_generators_of_the_papers_sizes_are_those_of_the_profile(root: Path, variant: str) -> None:
    folder = root / "weights/mnist/paper" / variant
    assert (folder / "weights.safetensors").stat().st_size < 2e6
    cgn, params = load_cgn(folder), overridden(["profile=paper"])
    assert isinstance(cgn, CGN)
    budget, config = params.budgets.train_cgn, cgn.config
    assert (config.width, config.noise_dimensions) == (budget.width, budget.noise_dimensions)
    # A mask covers about as much as a digit, and it is 0 or 1 nearly everywhere.
    drawn = [draw_after(cgn, k, shape=k, foreground=0, background=1)["shape"] for k in range(10)]
    masks = np.stack(drawn) / 255
    assert 0.1 < masks.mean() < 0.25
    assert (abs(masks - masks.round()) < 0.1).mean() > 0.85


@pytest.mark.slow
def test_the_notebook_says_again_what_it_says(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(root))
    path = root / "docs/walkthrough.ipynb"
    committed = nbformat.read(path, as_version=4)
    again = nbformat.read(path, as_version=4)
    NotebookClient(again, timeout=60, resources={"metadata": {"path": str(path.parent)}}).execute()

    def text(notebook: nbformat.NotebookNode) -> str:
        cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
        return "".join(out.text for cell in cells for out in cell.outputs if out.output_type == "stream")

    assert text(again) == text(committed)
    assert "counterfactual: Original: 1, Original + CGN: 3" in text(again)
