"""A user's mistake ends a stage with one line on standard error and status 1, 2 for the command line."""

from pathlib import Path

import pytest

from tests.unit.conftest import run_stage


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (("stages.train_cgn", "colored_mnist"), 1, "colored_mnist.safetensors: not found"),
        (("stages.sample_counterfactuals", "colored_mnist"), 1, "weights.safetensors: not found"),
        (("stages.train_cgn",), 2, "Missing argument 'variant'"),
        (("stages.score", "wildlife_mnist"), 1, "wildlife_mnist.safetensors: not found"),
    ],
)
def test_one_line(folder: Path, root: Path, words: tuple[str, ...], status: int, message: str) -> None:
    done = run_stage(folder, root, *words)
    assert done.returncode == status
    (line,) = done.stderr.strip().splitlines()
    assert message in line
    assert [path.name for path in folder.iterdir()] == ["params.yaml"]


def test_broken_yaml_is_named(folder: Path, root: Path) -> None:
    (folder / "params.yaml").write_text("seed: [0\n")
    done = run_stage(folder, root, "stages.digits")
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert "params.yaml: not valid YAML" in line


def test_an_unknown_variant_is_named(folder: Path, root: Path) -> None:
    done = run_stage(folder, root, "stages.synthesize", "colour_mnist")
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert "colour_mnist" in line
