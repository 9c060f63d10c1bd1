import copy
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from cgn.errors import UserError
from cgn.params.whole import validate


@pytest.fixture(scope="module")
def values(root: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load((root / "params.yaml").read_text())
    return loaded


def test_the_committed_file_is_valid(values: dict[str, Any]) -> None:
    params = validate(values, "params.yaml")
    assert params.profile == "laptop"
    assert params.methods.irm.environments["irm_2"] == [0.9, 1.0]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (
            "mnist.cgn.lambda_mask",
            -1,
            "params.yaml: mnist.cgn.lambda_mask: .*greater than or equal to 0, got -1",
        ),
        ("mnist.variants.colored_mnist.variance", -1, "variance: .*got -1"),
        ("profile", "desktop", "params.yaml: profile: .*'smoke', 'laptop' or 'paper', got 'desktop'"),
        ("mnist.cgn.lamda_mask", 1, "mnist.cgn.lamda_mask: unknown key"),
        ("mnist.cgn.mask_interval", [0.5, 0.1], "mask_interval must rise"),
        ("mnist.counterfactuals.ratio", 0, "ratio: .*got 0"),
        ("methods.irm.environments.irm_2", [0.9], "irm_2: .*at least 2"),
        ("methods.irm.environments", {"irm_2": [0.9, 1.0]}, "methods.irm.environments: .*at least 2"),
        ("mnist.adversarial.adam_betas", [0.5, 1.0], "adam_betas.1: .*less than 1, got 1.0"),
        ("mnist.variants.colored_mnist.colors", ["#00012c0"] * 10, "colors.0: .*#00ff7f.*, got '#00012c0'"),
        ("budgets.smoke.train_cgn.steps", "many", "steps: .*got 'many'"),
        ("imagenet.world", "moon", "imagenet.world: .*'emoji', 'folder' or 'imagenet', got 'moon'"),
        (
            "budgets.paper.pretrained_networks",
            {"source": "published", "biggan": "biggan_deep_256", "saliency": "trained"},
            "pretrained_networks.published.saliency: u2net, u2netp or a file: .*got 'trained'",
        ),
        ("budgets.paper.pretrained_networks.source", "found", "pretrained_networks: .*'published', got"),
        ("imagenet.saliency.normalisation", "none", "'official' or 'raw', got 'none'"),
        ("assets.u2net.sha256", "8d10", "assets.u2net.sha256: .*got '8d10'"),
        ("assets.u2net.url", "u2net.onnx", "assets.u2net.url: .*got 'u2net.onnx'"),
    ],
)
def test_a_mistake_gives_one_line_that_names_the_key(
    values: dict[str, Any], key: str, value: object, message: str
) -> None:
    changed = copy.deepcopy(values)
    *path, last = key.split(".")
    target = changed
    for part in path:
        target = target[part]
    target[last] = value
    with pytest.raises(UserError, match=message) as caught:
        validate(changed, "params.yaml")
    assert "\n" not in str(caught.value)


def test_a_missing_key_is_named(values: dict[str, Any]) -> None:
    changed = copy.deepcopy(values)
    del changed["mnist"]["cgn"]["lambda_binary"]
    with pytest.raises(UserError, match=r"mnist\.cgn\.lambda_binary: Field required$"):
        validate(changed, "params.yaml")
