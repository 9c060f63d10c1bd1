import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from unicodedata import normalize

import numpy as np
import pytest

from cgn.errors import UserError
from cgn.io.arrays import read_arrays, write_arrays
from cgn.io.files import alone, atomic_folder, atomic_path, located, new_folder, read_json, write_json


def test_a_failure_keeps_the_old_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"old": 1})

    def write_half() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert read_json(path) == {"old": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_replaced_whole_and_leftovers_go(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left, of_another_host = (
        tmp_path / f".made.{dead.pid}@{host}.tmp" for host in (socket.gethostname(), "another")
    )
    left.mkdir()
    (left / "left by a killed process").touch()
    of_another_host.mkdir()  # where a process of this number may run
    for name in ("first", "second"):
        with atomic_path(tmp_path / "made.json") as other, atomic_folder(folder) as temporary:
            other.touch()
            (temporary / name).touch()
    (tmp_path / "made.json").unlink()
    assert [path.name for path in folder.iterdir()] == ["second"]
    assert set(tmp_path.iterdir()) == {folder, of_another_host}


def test_two_processes_may_write_one_file(tmp_path: Path) -> None:
    """The last one wins, and none sees a part of the other's."""
    program = (
        "import sys, time; from pathlib import Path; from cgn.io.files import atomic_path\n"
        "with atomic_path(Path(sys.argv[1])) as temporary:\n"
        "    temporary.write_text('first'); print('half', flush=True); sys.stdin.read()\n"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    other = subprocess.Popen([sys.executable, "-c", program, tmp_path / "a"], **pipes)
    assert other.stdout is not None
    assert other.stdout.readline() == b"half\n"
    with atomic_path(tmp_path / "a") as temporary:
        temporary.write_text("second")
    assert (tmp_path / "a").read_text() == "second"
    other.communicate()
    assert other.returncode == 0
    assert (tmp_path / "a").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_new_folder_replaces_only_what_it_wrote(tmp_path: Path) -> None:
    for name in ("absent", "empty", "earlier", "photos"):
        folder = tmp_path / name
        if name != "absent":
            folder.mkdir()
        if name in {"earlier", "photos"}:
            (folder / ("mark" if name == "earlier" else "mine.jpg")).touch()
    for name in ("absent", "empty", "earlier"):
        with new_folder(tmp_path / name, "mark") as temporary:
            (temporary / "mark").write_text(name)
        assert (tmp_path / name / "mark").read_text() == name
    (tmp_path / "file").touch()
    for name in ("photos", "file"):
        with (
            pytest.raises(UserError, match=f"{name}: exists and is not what"),
            new_folder(tmp_path / name, "mark"),
        ):
            pass
    assert (tmp_path / "photos" / "mine.jpg").exists()


def test_missing_and_broken_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"a\.json: not found"):
        read_json(tmp_path / "a.json")
    (tmp_path / "b.json").write_text("{")
    with pytest.raises(UserError, match=r"b\.json: not valid JSON"):
        read_json(tmp_path / "b.json")
    with pytest.raises(UserError, match=r"c\.safetensors: not found"):
        read_arrays(tmp_path / "c.safetensors")
    (tmp_path / "d.safetensors").write_bytes(b"broken")
    with pytest.raises(UserError, match=r"d\.safetensors: not a safetensors file"):
        read_arrays(tmp_path / "d.safetensors")


def test_arrays_round_trip_to_equal_bytes(tmp_path: Path) -> None:
    arrays = {"b": np.arange(6, dtype=np.uint8).reshape(2, 3).T, "a": np.array([1.5, 2.5])}
    for name in ("one", "two"):
        write_arrays(tmp_path / name, {**arrays})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    for name, array in read_arrays(tmp_path / "one").items():
        np.testing.assert_array_equal(array, arrays[name])


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"file/made: cannot be made \(.*\); choose another folder"):
        write_json(tmp_path / "file/made/a.json", 1)
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # as for anyone but root, who may all
    with pytest.raises(UserError, match="not writable; change its rights or choose another folder"):
        write_json(tmp_path / "a.json", 1)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_users_path_is_seen_from_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    expected = {
        "~/digits": tmp_path / "home/digits",
        "/data": Path("/data"),
        "my photos/ä": tmp_path / "my photos/ä",
    }
    assert {path: located(path) for path in expected} == expected
    # As `dvc exp run --temp` and the queue run a stage.
    copy = tmp_path / ".dvc/tmp/exps/standalone/tmp1234"
    copy.mkdir(parents=True)
    monkeypatch.chdir(copy)
    assert {path: located(path) for path in expected} == expected


def test_a_path_is_found_in_another_normal_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of a disk from macOS: the name looks the same and is another text."""
    monkeypatch.chdir(tmp_path)
    decomposed, composed = (normalize(form, "Fotos für Ärzte/Bäume") for form in ("NFD", "NFC"))
    assert decomposed != composed
    (tmp_path / decomposed).mkdir(parents=True)
    assert located(composed) == located(decomposed) == tmp_path / decomposed
    assert located(f"{composed}/more") == tmp_path / f"{composed}/more"  # nothing there: as it was written


def test_the_home_of_an_unknown_user_is_one_line() -> None:
    with pytest.raises(UserError, match=r"^~no-such-user/photos: no such user; write the path in full$"):
        located("~no-such-user/photos")


WRITERS = """
import resource, signal, sys
from pathlib import Path
import numpy as np, torch
from PIL import Image
from cgn.io.arrays import write_arrays
from cgn.io.files import atomic_folder, write_json
from cgn.io.shards import Sample, write_shards
from cgn.io.weights import write_generator
from cgn.training.checkpoint import Checkpoint
from stages.command import one_line_errors

path, large = Path(sys.argv[2]), torch.zeros(100_000)
if sys.argv[3] != "whole":
    # The system ends the process within the write that passes this size, or tells it.
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL if sys.argv[3] == "killed" else signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
noise = np.random.default_rng(0).integers(256, size=(99, 99, 3), dtype=np.uint8)
with one_line_errors("test"):
    match sys.argv[1]:
        case "arrays": write_arrays(path, {"a": large.numpy()})
        case "weights": write_generator(path, {"a": large}, {})
        case "checkpoint": Checkpoint(path, "x").save({"a": large})
        case "shards": write_shards(path, [Sample(noise, {"index": 0, "labels": {"shape": 0}})], 9)
        case "JSON": write_json(path, "x" * 100_000)
        case "folder":
            with atomic_folder(path) as folder:
                (folder / "first").write_text("1")
                (folder / "second").write_text("2" * 100_000)
"""
ALL_WRITERS = ["arrays", "weights", "checkpoint", "shards", "JSON", "folder"]


def written(what: str, path: Path, root: Path, how: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-c", WRITERS, what, str(path), how]
    plain = {name: value for name, value in os.environ.items() if "COVERAGE" not in name}  # writes, too
    return subprocess.run(words, cwd=root, env=plain, capture_output=True, encoding="utf-8")


def contents(path: Path) -> dict[str, bytes]:
    files = [file for file in [path, *path.rglob("*")] if file.is_file()]
    return {str(file.relative_to(path)): file.read_bytes() for file in files}


@pytest.mark.parametrize("what", ALL_WRITERS)
def test_a_kill_within_a_write_keeps_the_old_and_the_next_write_is_whole(
    what: str, tmp_path: Path, root: Path
) -> None:
    (tmp_path / "undisturbed").mkdir()
    path, undisturbed = tmp_path / "made", tmp_path / "undisturbed/made"
    assert written(what, undisturbed, root, "whole").returncode == 0
    path.mkdir()
    (path / "old").touch()
    assert written(what, path, root, "killed").returncode == -signal.SIGXFSZ
    assert contents(path) == {"old": b""}
    assert list(tmp_path.glob(".made.*.tmp"))  # it was within the write
    assert written(what, path, root, "whole").returncode == 0
    assert contents(path) == contents(undisturbed)
    assert {entry.name for entry in tmp_path.iterdir()} == {"made", "undisturbed"}


@pytest.mark.parametrize("what", ALL_WRITERS)
def test_a_disk_without_room_is_one_line_and_keeps_the_old(what: str, tmp_path: Path, root: Path) -> None:
    """A limit on the sizes of files stands for it: no test may fill a disk."""
    old = tmp_path / "made"
    old.mkdir()
    (old / "old").touch()
    done = written(what, old, root, "full")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line == f"test: error: {old}: File too large; the limit on file sizes (ulimit -f) is too low"
    assert [path.name for path in tmp_path.rglob("*")] == ["made", "old"]


def test_two_commands_do_not_share_a_folder(tmp_path: Path, root: Path) -> None:
    program = "from pathlib import Path; from cgn.io.files import alone\nwith alone(Path(sys.argv[1])): 1"
    words = [sys.executable, "-c", f"import sys; {program}", str(tmp_path / "results")]
    with alone(tmp_path / "results"):
        done = subprocess.run(words, cwd=root, capture_output=True, encoding="utf-8")
    assert f"{tmp_path}/results: another command writes there; wait, or" in done.stderr
    assert subprocess.run(words, cwd=root).returncode == 0


def test_a_path_that_is_no_text_is_one_line() -> None:
    with pytest.raises(UserError, match=r"^/data/caf\\xe9: the path is no UTF-8; rename what is not$"):
        located(os.fsdecode(b"/data/caf\xe9"))
