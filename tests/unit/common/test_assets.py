"""Downloads: checked by hash, kept, and with a way out when there is no network."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from cgn.common.assets import cache_folder, fetch
from cgn.errors import UserError

CONTENT = b"a small archive"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def address(tmp_path: Path, serve: Callable[[Path], str]) -> str:
    """The address of a file with CONTENT."""
    (tmp_path / "remote").mkdir()
    (tmp_path / "remote" / "archive.tar").write_bytes(CONTENT)
    return f"{serve(tmp_path / 'remote')}/archive.tar"


def test_fetches_once(address: str, tmp_path: Path) -> None:
    path = fetch(address, SHA256, str(tmp_path / "local"))
    assert path == tmp_path / "local" / "archive.tar"
    assert path.read_bytes() == CONTENT
    (tmp_path / "remote" / "archive.tar").unlink()
    assert fetch(address, SHA256, str(tmp_path / "local")) == path


def test_a_file_put_there_by_hand_needs_no_network(unreachable: str, tmp_path: Path) -> None:
    (tmp_path / "archive.tar").write_bytes(CONTENT)
    assert fetch(f"{unreachable}/archive.tar", SHA256, str(tmp_path)).read_bytes() == CONTENT


def test_a_damaged_local_file_is_fetched_again(address: str, tmp_path: Path) -> None:
    (tmp_path / "archive.tar").write_bytes(CONTENT[:5])
    assert fetch(address, SHA256, str(tmp_path)).read_bytes() == CONTENT


def test_another_content_is_refused_and_not_kept(address: str, tmp_path: Path) -> None:
    local = tmp_path / "local"
    with pytest.raises(UserError, match=r"archive\.tar: what came has not the expected sha256 0{64}"):
        fetch(address, "0" * 64, str(local))
    assert not (local / "archive.tar").exists()


@pytest.mark.parametrize("absent", [False, True], ids=["no server", "no file"])
def test_failure_names_the_way_out(absent: bool, address: str, unreachable: str, tmp_path: Path) -> None:
    url = address.replace("archive", "absent") if absent else f"{unreachable}/absent.tar"
    with pytest.raises(UserError) as failure:
        fetch(url, SHA256, str(tmp_path / "local"))
    message = str(failure.value)
    assert "\n" not in message
    assert message.startswith(f"{url}: download failed")
    assert message.endswith(f"fetch it elsewhere and put it at {tmp_path / 'local' / 'absent.tar'}")


def test_cache_folder_prefers_the_argument_then_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CGN_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    assert cache_folder("elsewhere") == Path("elsewhere")
    monkeypatch.delenv("CGN_CACHE")
    assert cache_folder().name == "cgn"
