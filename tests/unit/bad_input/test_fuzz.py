"""Readers of files that somebody else has made, on damaged ones: a value, or one line that names the file.

hypothesis draws the damage, the same in every run: `EXAMPLES` for each reader, of bytes changed, taken out
and put in, and of bytes that are no such file at all.
"""

import gzip
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save as safetensors

from cgn.data.mnist.digits import read_idx
from cgn.data.photos.entries import read_entries
from cgn.data.photos.layouts import find_photos
from cgn.data.photos.photos import unpack_set
from cgn.errors import UserError
from cgn.evaluation.class_matching import read_class_map
from cgn.io.arrays import read_arrays
from cgn.io.files import read_json
from cgn.io.histories import read_history
from cgn.io.image_folders import Skipped
from cgn.io.images import read_image, upright_size
from cgn.io.shards import read_images
from cgn.io.weights import read_state_dict
from cgn.networks.classifier import read_signature
from cgn.networks.onnx_weights import read_convolutions
from cgn.networks.preprocessing import facts_beside
from cgn.networks.user_models import load_user_classifiers
from cgn.params.reading import read
from tests.conftest import copy_params
from tests.unit.bad_input.case import NOISE, ROOT, png
from tests.unit.bad_input.images import IMAGES
from tests.unit.bad_input.networks import FACTS, model, state, torch_file
from tests.unit.bad_input.tars import sample, tar

EXAMPLES = 50


def described(path: Path) -> object:
    path.with_suffix(".pth").touch()
    return facts_beside(path.with_suffix(".pth"), None)


def parameters(path: Path) -> object:
    copied = path.parent / "root"
    shutil.rmtree(copied, ignore_errors=True)
    copied.mkdir()
    copy_params(ROOT, copied)
    shutil.copy(path, copied / "params.yaml")
    return read(copied)


SHARD = tar(*sample("0"), *sample("1"))
SET = gzip.compress(tar(("set/a.png", png(NOISE)), ("set/b/c.jpg", png(NOISE, "jpeg"))), mtime=0)
SIGNATURE = {"classes": ["a", "b"], "resolution": 8, "preprocessing": "x"}
# Name of the file -> a good one, and its reader.
READERS: dict[str, tuple[bytes, Callable[[Path], object]]] = {
    "images-idx3": (IMAGES[:816], lambda path: read_idx(path, 3)),
    "images-idx3.gz": (gzip.compress(IMAGES, mtime=0), lambda path: read_idx(path, 3)),
    **{f"a.{form}": (png(NOISE, form), read_image) for form in ("png", "jpeg", "gif", "tiff", "bmp", "webp")},
    "b.jpeg": (png(NOISE, "jpeg", exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01"), upright_size),
    "0.tar": (SHARD, lambda path: read_images([path])),
    "set.tar.gz": (SET, lambda path: unpack_set(path, path.parent / "out", 16)),
    "zip.pth": (torch_file(state()), read_state_dict),
    "old.pth": (torch_file(state(), _use_new_zipfile_serialization=False), read_state_dict),
    "w.safetensors": (safetensors(state(), {"facts": "{}"}), read_state_dict),
    "a.safetensors": (safetensors({"images": torch.zeros(2, 3)}), lambda path: read_arrays(path)["images"]),
    "u.onnx": (model(), read_convolutions),
    "m.onnx": (model(facts=FACTS), lambda path: load_user_classifiers(str(path), {})),
    "s.json": (b'{"a": [1, 2.5, null, "\xc3\xa4"]}', read_json),
    "f.json": (json.dumps(FACTS).encode(), described),
    "signature.json": (json.dumps(SIGNATURE).encode(), lambda path: read_signature(path.parent)),
    "history.csv": (b"step,loss\n50,0.25\n100,1e-3\n", lambda path: read_history(path, ["loss"])),
    "map.csv": (b"output,class\n1,cat\ntabby,cat\n", read_class_map),
    "index.csv": (b"path,class,split,bytes\na/1.png,a,train,10\n", read_entries),
    "photos.csv": (b"file,class,split\na.png,a,train\n", lambda path: find_photos(path, Skipped())),
    "params.yaml": ((ROOT / "params.yaml").read_bytes(), parameters),
}


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """The file with some bytes changed, a part taken out or put in, or other bytes altogether."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=200))
    content = bytearray(whole)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, max(0, len(content) - 1)))
        change = draw(st.sampled_from(["byte", "cut", "take out", "put in"]))
        if change == "byte" and content:
            content[place] = draw(st.integers(0, 255))
        elif change == "cut":
            del content[place:]
        elif change == "take out":
            del content[place : place + draw(st.integers(1, 40))]
        else:
            content[place:place] = draw(st.binary(max_size=20))
    return bytes(content)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", READERS)
def test_damage_is_one_line_or_a_value(name: str, tmp_path: Path) -> None:
    whole, reader = READERS[name]
    path, refused = tmp_path / name, []

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(damaged(whole))
    def damage(content: bytes) -> None:
        path.write_bytes(content)
        try:
            found: Any = reader(path)
        except UserError as error:
            line = str(error)
            assert "\n" not in line
            assert re.search(rf"{re.escape(tmp_path.name)}|params\.yaml|budgets/", line), line
            refused.append(line)
        else:
            assert not (isinstance(found, np.ndarray) and found.dtype == object)

    damage()
    assert refused
    assert not (tmp_path.parent / "evil").exists()


def test_the_docs_have_the_counts(root: Path) -> None:
    text = (root / "docs/reliability.md").read_text(encoding="utf-8")
    assert f"{len(READERS)} readers, {EXAMPLES} examples each" in text
