"""`cgn`, as pip installs it: from a folder without parameters, on small photos with masks of their own."""

import csv
import json
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.slow

CLASSES = ["deep red", "sea"]
COLORS = {"deep red": (200, 60, 20), "sea": (20, 60, 200)}
PACKAGE = (
    "cgn",
    "stages",
    "budgets",
    "weights",
    "params.yaml",
    "assets.yaml",
    "pyproject.toml",
    "README.md",
    "LICENSE",
)
CODE = """
import torch

class RedOrBlue(torch.nn.Module):
    def forward(self, images):
        return images.mean(dim=(2, 3))[:, [0, 2]] * 20

def model():
    return RedOrBlue(), {"classes": ["Deep-Red", "sea"], "resolution": 32, "mean": [0] * 3, "std": [1] * 3}

def nameless():
    return RedOrBlue(), {"resolution": 32, "mean": [0] * 3, "std": [1] * 3}
"""


@pytest.fixture(scope="module")
def cgn(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command `cgn` of a fresh environment that sees the packages of this one."""
    folder = tmp_path_factory.mktemp("installed")
    source = folder / "source"
    for name in PACKAGE:
        if (root / name).is_dir():
            shutil.copytree(
                root / name, source / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__")
            )
        else:
            shutil.copy(root / name, source / name)
    environment = folder / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    (packages,) = environment.glob("lib/python*/site-packages")
    (packages / "this.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    python = environment / "bin" / "python"
    options = ("--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check")
    subprocess.run([python, "-m", "pip", "install", *options, source], check=True)
    shutil.rmtree(source)
    return environment / "bin" / "cgn"


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with photos of two classes, some broken, a user's code, and parameters of another project."""
    random = np.random.default_rng(0)
    for name, color in COLORS.items():
        folder = tmp_path / "photos" / name
        folder.mkdir(parents=True)
        for number in range(6):
            pixels = np.clip(np.array(color) + random.normal(0, 20, (40, 40, 3)), 0, 255).astype(np.uint8)
            mask = np.zeros((40, 40), np.uint8)
            mask[12:28, 12:28] = 255
            Image.fromarray(pixels).save(folder / f"{number}.{'png' if number % 2 else 'jpg'}")
            Image.fromarray(mask).save(folder / f"{number}_mask.png")
    (tmp_path / "photos" / "sea" / "broken.jpg").write_bytes(b"no image")
    (tmp_path / "mine.py").write_text(CODE)
    (tmp_path / "params.yaml").write_text("seed: [of another project\n")
    return tmp_path


def run(cgn: Path, here: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([cgn, *words], cwd=here, capture_output=True, text=True)


def test_audit_and_the_scores_of_its_sets(cgn: Path, here: Path) -> None:
    done = run(cgn, here, "audit", "--model", "mine:model", "--photos", "photos", "--out", "out")
    assert done.returncode == 0, done.stderr
    assert "photos: skipped: 12 masks, 1 not readable; listed in out/skipped.csv" in done.stderr
    scores = json.loads((here / "out" / "audit.json").read_text())
    assert (scores["photos"], scores["usable_objects"], scores["classes"]) == (12, 12, CLASSES)
    assert scores["top1"]["overall"]["value"] == 100
    overall = scores["in9"]["overall"]
    assert overall["original"]["value"] == 100
    assert overall["mixed_next"]["value"] == 0  # the mean colour of a photo is that of its background
    assert overall["bg_gap"]["value"] > 0
    assert (here / "out" / "index.html").stat().st_size > 10_000
    with (here / "out" / "skipped.csv").open(newline="") as stream:
        assert {row["path"] for row in csv.DictReader(stream)} >= {"sea/broken.jpg"}

    # The sets are in the published layouts; a classifier of other classes is refused.
    done = run(cgn, here, "in9", "--model", "efficientnet_lite0", "--data", "out/in9", "--out", "in9.json")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("out/in9 needs classes of these names: deep red, sea")


def test_outputs_without_names_need_a_table(cgn: Path, here: Path) -> None:
    words = ("audit", "--model", "mine:nameless", "--photos", "photos", "--out", "out")
    done = run(cgn, here, *words)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(
        "cgn: error: --model: nobody knows the names of its 2 outputs"
    )
    (here / "classes.csv").write_text("output,class\n0,deep red\n1,sea\n")
    done = run(cgn, here, *words, "--classes", "classes.csv")
    assert done.returncode == 0, done.stderr
    assert json.loads((here / "out" / "audit.json").read_text())["top1"]["overall"]["value"] == 100


AUDIT = ("audit", "--photos", "photos")


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (("audit", "--photos", "nowhere", "--model", "mine:model", "--out", "out"), 1, "no such folder"),
        ((*AUDIT, "--model", "mine:nothing", "--out", "out"), 1, "has no attribute 'nothing'"),
        ((*AUDIT, "--model", "mine:model", "--out", "photos"), 1, "choose another folder"),
        ((*AUDIT, "--model", "mine:model"), 2, "Missing option '--out'"),
        ((), 2, "Missing command"),
    ],
)
def test_mistakes_are_one_line(
    cgn: Path, here: Path, words: tuple[str, ...], status: int, message: str
) -> None:
    before = {path.relative_to(here) for path in here.rglob("*") if "__pycache__" not in path.parts}
    done = run(cgn, here, *words)
    assert done.returncode == status
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("cgn: error: ")
    assert message in line
    after = {path.relative_to(here) for path in here.rglob("*") if "__pycache__" not in path.parts}
    assert after == before


def test_a_drawing_by_the_shipped_generators(cgn: Path, tmp_path: Path) -> None:
    subprocess.run([cgn, "draw", "wildlife", "--out", "x.png"], cwd=tmp_path, check=True, timeout=60)
    with Image.open(tmp_path / "x.png") as image:
        assert image.size[0] == 4 * 192 + 3 * 2
