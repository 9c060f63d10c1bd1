import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cgn.data.photos.photos import unpack_set
from cgn.errors import UserError
from tests.unit.data.photos.conftest import Draw


def test_images_without_the_top_folder(draw: Draw, tmp_path: Path) -> None:
    draw("set/original/val/00_dog/a.JPEG", "set/mixed_same/val/02_wheeled vehicle/b.JPEG", size=(224, 224))
    draw("set/.hidden.png")
    (tmp_path / "set" / "README.md").write_text("no image")
    with tarfile.open(tmp_path / "set.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "set", "bg_challenge")
    unpack_set(tmp_path / "set.tar.gz", tmp_path / "in9", 64)
    found = sorted(path.relative_to(tmp_path / "in9").as_posix() for path in (tmp_path / "in9").rglob("*.*"))
    assert found == ["mixed_same/val/02_wheeled vehicle/b.png", "original/val/00_dog/a.png"]
    with Image.open(tmp_path / "in9" / found[0]) as image:
        assert image.size == (64, 64)
        assert np.asarray(image).std() > 10


def test_nothing_leaves_the_folder(draw: Draw, tmp_path: Path) -> None:
    draw("a.png")
    with tarfile.open(tmp_path / "set.tar", "w") as tar:
        tar.add(tmp_path / "a.png", "set/../../escaped.png")
        tar.add(tmp_path / "a.png", "set/kept.png")
        absolute = tarfile.TarInfo(str(tmp_path / "absolute.png"))  # which `add` would make relative
        absolute.size = (tmp_path / "a.png").stat().st_size
        tar.addfile(absolute, (tmp_path / "a.png").open("rb"))
    unpack_set(tmp_path / "set.tar", tmp_path / "x" / "set", 32)
    assert [path.name for path in tmp_path.rglob("*.png")].count("escaped.png") == 0
    assert (tmp_path / "x" / "set" / "kept.png").exists()
    assert not (tmp_path / "absolute.png").exists()


@pytest.mark.parametrize("content", [b"no archive", b""])
def test_a_damaged_archive_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "set.tar.gz").write_bytes(content)
    with pytest.raises(UserError, match=r"set\.tar\.gz: not the archive it should be \(.*\); fetch it again"):
        unpack_set(tmp_path / "set.tar.gz", tmp_path / "in9", 32)
    assert not (tmp_path / "in9").exists()


def test_what_is_left_out_is_counted(draw: Draw, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    draw("a.png")
    link = tarfile.TarInfo("set/link.png")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with tarfile.open(tmp_path / "set.tar", "w") as tar:
        for name in ("set/a.png", "set/._a.png", "set/README.md", "set/../../a.png"):
            tar.add(tmp_path / "a.png", name)
        tar.addfile(link)
    unpack_set(tmp_path / "set.tar", tmp_path / "out", 32)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.png"]
    assert caplog.messages == [
        f"{tmp_path / 'set.tar'}: skipped: 1 hidden, 1 no images by their ending, 1 no regular files,"
        " 1 paths that leave the archive"
    ]
