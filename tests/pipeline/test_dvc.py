"""The project as DVC users use it: the real command, in a temporary copy, on the smoke graph."""

import json
import re
from pathlib import Path

import pytest
import webdataset

from tests.pipeline.conftest import Run, run_in

VARIANTS = ("colored_mnist", "double_colored_mnist", "wildlife_mnist")
METHODS = ("original", "gan", "irm_2", "irm_5", "lntl", "cgn", "cgn_only", "oracle")


def test_the_graph_gives_every_score(smoke: Path) -> None:
    metrics = json.loads((smoke / "reports/metrics.json").read_text())
    for variant in VARIANTS:
        for method in METHODS:
            scores = metrics["mnist"][variant][method]
            assert 0 <= scores["train_accuracy"] <= 100
            assert 0 <= scores["test_accuracy"] <= 100
        names = {"mask_mean", "mask_entropy", "mask_digit_accuracy", "inverted_masks", "healthy_classes"}
        assert names <= set(metrics["mnist"][variant]["mechanisms"])
    assert metrics["run"]["profile"] == "smoke"


def test_a_second_repro_does_nothing(dvc: Run) -> None:
    assert "Data and pipelines are up to date." in dvc("dvc", "repro")


def test_shards_are_plain_webdataset(smoke: Path) -> None:
    shards = sorted((smoke / "data/mnist/shards/wildlife_mnist/counterfactuals").glob("*.tar"))
    samples = list(webdataset.WebDataset([str(shard) for shard in shards], shardshuffle=False).decode("rgb8"))
    assert len(samples) == 600
    assert set(samples[0]["json"]["labels"]) == {"shape", "foreground", "background"}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("mnist.cgn.lambda_mask=-1", "mnist.cgn.lambda_mask: .*greater than or equal to 0, got -1"),
        ("mnist.variants.colored_mnist.variance=-1", "variance: .*got -1"),
    ],
)
def test_a_bad_value_stops_with_one_line(root: Path, tmp_path: Path, override: str, message: str) -> None:
    from tests.pipeline.conftest import copy_project

    project = copy_project(root, tmp_path / "project")
    key, value = override.split("=")
    name = key.rsplit(".", 1)[1]
    params = project / "params.yaml"
    params.write_text(re.sub(rf"(\n +{name}:) .*", rf"\1 {value}", params.read_text(), count=1))
    output = run_in(project)("python", "-m", "stages.digits", status=1)
    (line,) = output.strip().splitlines()
    assert re.search(message, line)
    assert not (project / "data").exists()
