"""Nobody gets in: no objects are unpickled, a class name opens no door. Archives: tests/unit/bad_input."""

import ast
import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import models

from cgn.errors import UserError
from cgn.generators.mnist.training import pretrained_gram_loss
from cgn.generators.photos.factors import Factors
from cgn.io.shards import Sample, write_shards
from cgn.io.weights import load_generator, read_state_dict
from cgn.networks.classifier import WEIGHTS
from cgn.networks.published import torchvision_network
from cgn.networks.small_resnet import load_small_resnet
from cgn.networks.user_models import load_user_classifiers
from cgn.report.audit import render_audit
from cgn.report.graph import graph_svg
from cgn.report.photos import write_photo_report
from cgn.training.checkpoint import Checkpoint
from tests.unit.bad_input.networks import Trap
from tests.unit.report.test_photos import FACTORS, scores

FOLDERS = ("cgn", "stages", "experiments")
# Calls that unpickle objects, whatever the file, or unless they are told not to.
ALWAYS = {("pickle", "load"), ("pickle", "loads"), ("joblib", "load"), ("pd", "read_pickle"), ("np", "load")}
UNLESS_TOLD = {"load_state_dict_from_url", "get_state_dict"}
EVIL = "<img src=x onerror=alert(1)>\"'><script>alert(2)<b>{{ 7 * 7 }}"


def unpickling(source: str) -> list[int]:
    """The lines of calls that may unpickle objects. (Ruff's rules S1 to S7 find what else may run code.)"""
    lines = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        owner = getattr(getattr(node.func, "value", None), "id", "")
        told = {keyword.arg: getattr(keyword.value, "value", None) for keyword in node.keywords}
        unless = (owner, name) == ("torch", "load") or name in UNLESS_TOLD
        if (owner, name) in ALWAYS or (unless and told.get("weights_only") is not True):
            lines.append(node.lineno)
    return lines


def test_no_call_unpickles_objects(root: Path) -> None:
    bad = (
        "torch.load(p)",
        "torch.load(p, weights_only=False)",
        "np.load(p)",
        "w.get_state_dict(check_hash=True)",
    )
    assert unpickling("\n".join([*bad, "torch.load(p, weights_only=True)"])) == [1, 2, 3, 4]
    files = [path for folder in FOLDERS for path in (root / folder).rglob("*.py")]
    found = {str(path): unpickling(path.read_text(encoding="utf-8")) for path in files}
    assert not {name: lines for name, lines in found.items() if lines}


@pytest.fixture
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with weights by all the names that are asked for; when unpickled they write a file `ran`."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    (tmp_path / "hub/checkpoints").mkdir(parents=True)
    published = [next(iter(models.get_model_weights(name))).url for name in ("vgg16", "resnet18")]
    names = [f"hub/checkpoints/{url.rpartition('/')[2]}" for url in published]
    for name in (*names, "w.pth", "w.bin", "model.pth.tar", "m.onnx", WEIGHTS, "c.pt"):
        torch.save({"fingerprint": "x", "state_dict": Trap(tmp_path / "ran")}, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize(
    "reader",
    [
        lambda folder: torchvision_network("resnet18"),
        lambda folder: pretrained_gram_loss(),
        lambda folder: read_state_dict(folder / "w.bin"),
        lambda folder: read_state_dict(folder / "model.pth.tar"),
        lambda folder: load_user_classifiers(f"resnet18:{folder / 'w.pth'}", {}),
        lambda folder: load_user_classifiers(str(folder / "m.onnx"), {}),
        lambda folder: load_generator(folder / WEIGHTS, lambda config: torch.nn.Linear(1, 1)),
        lambda folder: load_small_resnet(folder),
    ],
    ids=["torchvision", "Gram loss", "bin", "tar", "user's", "onnx", "generator", "classifier"],
)
def test_a_pickle_with_code_is_refused(reader: Any, trap: Path) -> None:
    with pytest.raises(UserError) as failure:
        reader(trap)
    assert "\n" not in str(failure.value)
    assert not (trap / "ran").exists()


def test_a_checkpoint_with_code_starts_over(trap: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert Checkpoint(trap / "c.pt", "x").load() is None
    assert "starting over" in caplog.text
    assert not (trap / "ran").exists()


class Page(HTMLParser):
    """What a browser would run or load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.texts = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in {"script", "iframe", "b"} or any(name.startswith("on") for name in values):
            self.found.append(tag)
        if tag == "img" and not str(values["src"]).startswith(("data:", "sheet.webp")):
            self.found.append(str(values["src"]))

    def handle_data(self, data: str) -> None:
        self.texts += data


def test_a_class_name_injects_nothing_into_an_audit(tmp_path: Path) -> None:
    one = {"value": 50.0, "low": 40.0, "high": 60.0, "images": 4}
    gaps = dict.fromkeys(("original", "mixed_same", "mixed_rand", "only_bg_b", "bg_gap"), one)
    bias = {"shape_bias": one, "shape_correct": 1, "texture_correct": 1}
    found = {
        "photos": 2, "usable_objects": 1, "classes": [EVIL, "cat"], "flipped": one,
        "top1": {"overall": one, "by_class": {EVIL: one}},
        "in9": {"overall": gaps, "by_class": {EVIL: gaps}},
        "cue_conflict": {"overall": bias, "by_class": {EVIL: bias}},
        "flips": [
            {
                "class_name": EVIL, "background_class": EVIL, "answer": EVIL, "photo": EVIL,
                "probability_same": 70.0, "probability_rand": 10.0,
                "files": dict.fromkeys(("original", "mixed_same", "mixed_rand"), "a.png"),
            }
        ],
    }  # fmt: skip
    black = np.zeros((2, 32, 32, 3), np.uint8)
    usable, labels = np.array([True, False]), np.zeros(2, np.int64)
    factors = Factors(black, labels, black[..., 0], black, usable, [EVIL] * 2)
    (tmp_path / "in9").mkdir()
    Image.fromarray(black[0]).save(tmp_path / "in9/a.png")
    page = Page(render_audit(tmp_path, EVIL, found, factors))
    assert not page.found
    assert page.texts.count(EVIL) >= 7  # title, heading, table; the flip's class, answer, background


def test_a_class_name_injects_nothing_into_the_page_of_photos(tmp_path: Path) -> None:
    images = np.zeros((4, 16, 16, 3), np.uint8)
    factors = Factors(
        images, np.arange(4) % 2, images[..., 0], images, np.arange(4) < 2, ["0", "1", "2", "3"]
    )
    metadata = [{"index": row, "labels": {"shape": 0}, "photos": {"shape": str(row)}} for row in range(2)]
    write_shards(tmp_path / "shards", [Sample(images[0], one) for one in metadata], 5)
    renamed = json.loads(json.dumps(scores(10.0)).replace('"cat"', json.dumps(EVIL)))
    how = {"source": EVIL, "minutes": 3, "command": EVIL}
    write_photo_report(tmp_path / "report", [renamed], FACTORS, factors, tmp_path / "shards", how)
    page = Page((tmp_path / "report/index.html").read_text(encoding="utf-8"))
    assert not page.found
    assert page.texts.count(EVIL) == 3


def test_a_name_injects_nothing_into_a_graph() -> None:
    page = Page(graph_svg([("A", "B")], EVIL, {"A": EVIL}))
    assert not page.found
