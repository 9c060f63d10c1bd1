"""`make photos` on a stranger's folder: mixed formats and sizes, some files broken."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cgn.data.emoji.world import render
from cgn.networks.u2net import U2NETP, U2Net
from tests.pipeline.conftest import copy_project, run_in

CLASSES = ("apple", "bread", "cup")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three classes with 40 photos each, of which half have a mask, and files that are no photos."""
    drawn = render(
        "train", 0, 360, resolution=48, background_correlation=0.95, surface_correlation=0.95, seed=0
    )
    folder = tmp_path / "my photos"
    for label, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True)
        for number, row in enumerate(np.flatnonzero(drawn["labels"] == label)[:40]):
            image, size = Image.fromarray(drawn["images"][row]), (60 + 3 * number, 50 + 2 * number)
            ending = ("jpg", "JPEG", "png", "webp", "bmp", "gif", "tif")[number % 7]
            image.resize(size).save(folder / name / f"{number}.{ending}")
            if number % 2:
                Image.fromarray(drawn["masks"][row]).resize(size).save(folder / name / f"{number}_mask.png")
    for number in range(3):
        (folder / CLASSES[number] / "notes.txt").write_text("no photo", encoding="utf-8")
    return folder


@pytest.mark.slow
def test_a_folder_of_photos_becomes_shards_and_classifiers(photos: Path, root: Path, tmp_path: Path) -> None:
    project = copy_project(root, tmp_path / "project")
    before = {path: path.read_bytes() for path in project.rglob("*.lock")}
    torch.manual_seed(0)
    torch.save(U2Net(U2NETP).state_dict(), tmp_path / "u2netp.pth")
    settings = (
        *("imagenet.folder.resolution=48", "threads=1", "imagenet.saliency.resolution=64"),
        "budgets/photos.yaml:imagenet.classifier.start=scratch",
        f"budgets/photos.yaml:pretrained_networks.saliency={tmp_path / 'u2netp.pth'}",
        "budgets/photos.yaml:train_imagenet_classifiers.image_passes=320",
        "budgets/photos.yaml:train_ensemble.image_passes=320",
        "budgets/photos.yaml:abduct_imagenet.images=60",
    )
    words = [word for setting in settings for word in ("-S", setting)]
    run, out = run_in(project), tmp_path / "out"
    told = run("python", "-m", "experiments.photos", str(photos), "--out", str(out), *words)

    assert "3 no images by their ending" in told
    assert "60 photos have a mask of the user" in told
    metrics = json.loads((out / "report/metrics.json").read_text(encoding="utf-8"))
    assert metrics["photos"] == 120
    assert metrics["usable_photos"] >= 50
    assert metrics["seeds"] == 1
    assert all(metrics[name]["top1"] is not None for name in ("plain", "mixed_rand", "ensemble", "shape"))
    assert "sheet.webp" in (out / "report/index.html").read_text(encoding="utf-8")
    assert list((out / "seed_0/counterfactuals").glob("*.tar"))
    for name in ("in", "mixed_abducted", "ensemble_abducted"):
        signature = json.loads(
            (out / "seed_0/classifiers" / name / "signature.json").read_text(encoding="utf-8")
        )
        assert signature["classes"] == list(CLASSES)
        assert signature["resolution"] == 48
    assert {path: path.read_bytes() for path in project.rglob("*.lock")} == before
    assert not (project / "data").exists()
    assert "photos: error: PHOTOS=nowhere: no such folder" in run(
        "python", "-m", "experiments.photos", "nowhere", status=1
    )
