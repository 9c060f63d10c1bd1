"""The overrides of the long command lines in the docs are ones that DVC and the parameters take."""

import re
import shlex
from itertools import pairwise
from pathlib import Path

import pytest

from cgn.generators.params import PublishedNetworks
from experiments.settings import overridden


def test_runs_of_other_worlds(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    text = (root / "docs/imagenet_worlds.md").read_text(encoding="utf-8")
    documented = []
    for command in re.findall(r"^dvc exp run (.*?)^```", text, flags=re.M | re.S):
        words = shlex.split(command.replace("\\\n", " "))
        overrides = [value for option, value in pairwise(words) if option == "-S"]
        documented.append(overridden(overrides))
    own, *others = documented
    assert (own.imagenet.world, own.imagenet.folder.path) == ("folder", "~/Meine Fotos/Vögel")
    (published,) = (params.budgets.pretrained_networks for params in others)
    assert isinstance(published, PublishedNetworks)
    assert (published.biggan, published.saliency) == ("biggan_deep_256", "u2net")


def test_files_that_the_texts_name_are_there(root: Path) -> None:
    texts = [root / "README.md", *(root / "docs").glob("*.md"), root / "dvc.yaml", root / "imagenet/dvc.yaml"]
    texts += [*root.glob("*.yaml"), *(root / "budgets").glob("*.yaml"), *(root / "cgn").rglob("*.py")]
    named = re.compile(r"\b(?:cgn|stages|experiments|tests|docs|budgets|benchmarks)/[\w/]+\.[\w.]*\w")
    found = {name for text in texts for name in named.findall(text.read_text(encoding="utf-8"))}
    absent = {name for name in found if not (root / name).exists()}
    recipes = {"cgn/methods/label_smoothing.py", "cgn/metrics/worst_class.py"}
    outputs = {"cgn/all/snapshots.safetensors"}  # of models/imagenet, whose paths end alike
    assert absent == recipes | outputs
