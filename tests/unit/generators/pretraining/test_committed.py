import shutil
import subprocess
from pathlib import Path

import pytest

from cgn.errors import UserError
from cgn.generators.pretraining.committed import SUMS, copy_checked, write_sums


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "vgg.safetensors").write_bytes(b"weights")
    (folder / "scores.json").write_text("{}\n")
    (folder / "README.md").write_text("not listed\n")
    write_sums(folder)
    return folder


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "target"
    folder.mkdir()
    return folder


def test_files_are_copied_to_the_byte(source: Path, target: Path) -> None:
    copy_checked(source, target, ["vgg.safetensors", "scores.json"])
    assert {path.name: path.read_bytes() for path in target.iterdir()} == {
        "vgg.safetensors": b"weights",
        "scores.json": b"{}\n",
    }


def test_a_changed_file_is_named(source: Path, target: Path) -> None:
    (source / "vgg.safetensors").write_bytes(b"other weights")
    with pytest.raises(
        UserError, match=r"vgg\.safetensors: its sha256 is not the one in SHA256SUMS; restore"
    ):
        copy_checked(source, target, ["vgg.safetensors"])


def test_a_missing_file_and_missing_sums_are_named(source: Path, target: Path) -> None:
    with pytest.raises(UserError, match=r"biggan\.safetensors: not there, or not listed"):
        copy_checked(source, target, ["biggan.safetensors"])
    (source / SUMS).unlink()
    with pytest.raises(UserError, match="SHA256SUMS: not found"):
        copy_checked(source, target, ["vgg.safetensors"])


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="no sha256sum")
def test_sums_are_those_of_sha256sum(source: Path) -> None:
    subprocess.run(["sha256sum", "--check", "--strict", SUMS], cwd=source, check=True, capture_output=True)
    assert len((source / SUMS).read_text().splitlines()) == 2
