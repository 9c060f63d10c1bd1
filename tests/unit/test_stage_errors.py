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
        (("stages.score_mechanisms", "wildlife_mnist"), 1, "wildlife_mnist.safetensors: not found"),
    ],
)
def test_one_line(folder: Path, root: Path, words: tuple[str, ...], status: int, message: str) -> None:
    done = run_stage(folder, root, *words)
    assert done.returncode == status
    (line,) = done.stderr.strip().splitlines()
    assert message in line
    assert {path.name for path in folder.iterdir()} == {"params.yaml", "assets.yaml", "budgets"}


def test_broken_yaml_is_named(folder: Path, root: Path) -> None:
    (folder / "params.yaml").write_text("seed: [0\n")
    done = run_stage(folder, root, "stages.digits")
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert "params.yaml: not valid YAML" in line


def test_parameters_that_are_no_utf_8_are_named(folder: Path, root: Path) -> None:
    (folder / "params.yaml").write_bytes("# für alle\nseed: 0\n".encode("latin-1"))
    done = run_stage(folder, root, "stages.digits")
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert "params.yaml: not UTF-8 at byte 3; save it as UTF-8" in line


@pytest.mark.parametrize("stage", ["synthesize", "train_cgn"])
def test_an_unknown_variant_is_named(folder: Path, root: Path, stage: str) -> None:
    done = run_stage(folder, root, f"stages.{stage}", "colour_mnist")
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert "colour_mnist" in line


def test_a_class_of_another_world_is_named(folder: Path, root: Path) -> None:
    params = (folder / "params.yaml").read_text()
    assert "\n    classes:\n" in params
    (folder / "params.yaml").write_text(params.replace("\n    classes:\n", "\n    classes: [dog, barn]\n"))
    names = folder / "data/imagenet/world/classes.json"
    names.parent.mkdir(parents=True)
    names.write_text('["dog", "bird"]')
    done = run_stage(folder, root, "stages.imagenet_sheets")
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert "imagenet.sheets.classes: no class barn; data/imagenet/world/classes.json has the names" in line
    assert not (folder / "reports").exists()
