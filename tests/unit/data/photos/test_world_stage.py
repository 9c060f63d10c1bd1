"""The stage makes a world of photos, and what needs masks is left out downstream."""

import csv
import os
from pathlib import Path

import pytest

from cgn.io.arrays import read_arrays
from cgn.io.files import read_json, why_left_out
from tests.conftest import copy_params
from tests.unit.conftest import run_stage
from tests.unit.data.photos.conftest import Draw


@pytest.fixture
def project(root: Path, tmp_path: Path) -> Path:
    """A folder with the smoke profile's parameters for the world `folder`."""
    copy_params(root, tmp_path)
    text = (root / "params.yaml").read_text()
    for old, new in (
        ("profile: laptop", "profile: smoke"),
        ("  world: emoji", "  world: folder"),
        ("  folder:\n    path:\n", "  folder:\n    path: photos\n"),
    ):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    (tmp_path / "params.yaml").write_text(text)
    return tmp_path


def test_a_folder_of_photos(draw: Draw, project: Path, root: Path) -> None:
    draw(*(f"photos/{name}/{n}.jpg" for name in ("cat", "dog", "emu") for n in range(20)))
    (project / "photos/cat/gone.jpg").symlink_to("nowhere.jpg")
    (project / "photos/cat" / os.fsdecode(b"caf\xe9.jpg")).touch()
    (project / "photos/dog/html.jpg").write_text("<!doctype html>", encoding="utf-8")
    done = run_stage(project, root, "stages.imagenet_world")
    assert done.returncode == 0, done.stderr
    world = project / "data/imagenet/world"
    account = "photos: skipped: 1 links to nothing, 1 names that are no UTF-8, 1 not readable; listed in"
    assert f"{account} data/imagenet/world/skipped.csv\n" in done.stderr
    with (world / "skipped.csv").open(newline="", encoding="utf-8") as stream:
        rows = [(row["path"], row["detail"]) for row in csv.DictReader(stream)]
    assert rows == [("cat/caf\\xe9.jpg", ""), ("cat/gone.jpg", ""), ("dog/html.jpg", "unknown format")]
    assert read_json(world / "classes.json") == ["cat", "dog", "emu"]
    counts = {path.stem: len(read_arrays(path)["labels"]) for path in world.glob("*.safetensors")}
    assert counts == {"train": 42, "validation": 6, "test_images": 12}
    assert len((world / "index.csv").read_text().splitlines()) == 61
    assert why_left_out(world / "in9")
    words = ("--model", "efficientnet_lite0", "--data", str(world / "in9"), "--out", "scores.json")
    done = run_stage(project, root, "stages.in9", *words)
    assert done.returncode == 0, done.stderr
    assert "nothing to score: photos have no masks" in done.stderr
    assert read_json(project / "scores.json") == {}


@pytest.mark.parametrize(
    ("path", "message"),
    [("null", "params.yaml: imagenet.folder.path: not set"), ("absent", "absent: no such folder")],
)
def test_one_line(path: str, message: str, project: Path, root: Path) -> None:
    params = project / "params.yaml"
    params.write_text(params.read_text().replace("    path: photos", f"    path: {path}"))
    done = run_stage(project, root, "stages.imagenet_world")
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert message in line
