"""The overrides of the long command lines in the docs are ones that DVC and the parameters take."""

import re
import shlex
from itertools import pairwise
from pathlib import Path

import pytest

from cgn.generators.params import PublishedNetworks, TrainedNetworks
from experiments.settings import overridden


def test_runs_of_other_worlds(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    text = (root / "docs/imagenet_worlds.md").read_text()
    sources = []
    for command in re.findall(r"^dvc exp run (.*?)^```", text, flags=re.M | re.S):
        words = shlex.split(command.replace("\\\n", " "))
        overrides = [value for option, value in pairwise(words) if option == "-S"]
        sources.append(overridden(overrides).budgets.pretrained_networks)
    trained, published = sources
    assert isinstance(trained, TrainedNetworks)
    assert trained.biggan.steps == 1000
    assert isinstance(published, PublishedNetworks)
    assert (published.biggan, published.saliency) == ("biggan_deep_256", "u2net")
