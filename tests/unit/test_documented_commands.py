"""The overrides of the long command lines in the docs are ones that DVC and params.yaml take."""

import re
import shlex
import shutil
from itertools import pairwise
from pathlib import Path

from dvc.utils.hydra import apply_overrides
from ruamel.yaml import YAML

from cgn.params.imagenet import PublishedNetworks, TrainedNetworks
from cgn.params.whole import validate


def test_runs_of_other_worlds(root: Path, tmp_path: Path) -> None:
    text = (root / "docs/imagenet_worlds.md").read_text()
    sources = []
    for command in re.findall(r"^dvc exp run (.*?)^```", text, flags=re.M | re.S):
        words = shlex.split(command.replace("\\\n", " "))
        overrides = [value for option, value in pairwise(words) if option == "-S"]
        shutil.copy(root / "params.yaml", tmp_path)
        apply_overrides(tmp_path / "params.yaml", overrides)
        params = validate(YAML(typ="safe").load((tmp_path / "params.yaml").read_text()), "params.yaml")
        sources.append(getattr(params.budgets, params.profile).pretrained_networks)
    trained, published = sources
    assert isinstance(trained, TrainedNetworks)
    assert trained.biggan.steps == 1000
    assert isinstance(published, PublishedNetworks)
    assert (published.biggan, published.saliency) == ("biggan_deep_256", "u2net")
