"""The programs on the dataset card read shards that the shipped CGN draws."""

import os
import re
import subprocess
import sys
from pathlib import Path

from cgn.generators.mnist.sampling import sample_counterfactuals
from cgn.generators.mnist.stored import load_cgn
from cgn.io.shards import write_shards
from cgn.scm import CounterfactualParams


def test_both_loaders_give_the_first_image(root: Path, tmp_path: Path) -> None:
    policy = CounterfactualParams(
        intervened=["shape", "foreground", "background"], noise="per_mechanism", ratio=10
    )
    cgn = load_cgn(root / "weights/mnist/wildlife_mnist")
    samples = list(sample_counterfactuals(cgn, policy, 0, 0, 20))
    write_shards(tmp_path / "data/mnist/shards/wildlife_mnist/counterfactuals", samples, 10)
    card = (root / "docs/dataset_card.md").read_text(encoding="utf-8")
    programs = re.findall(r"^```python\n(.*?)^```", card, flags=re.M | re.S)
    offline = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "huggingface")}
    printed = []
    for program in programs:
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=tmp_path,
            env=offline,
            capture_output=True,
            text=True,
            check=True,
        )
        printed.append(done.stdout.strip())
    labels = samples[0].metadata["labels"]
    assert printed == [f"(32, 32) {labels}", str(labels)]
