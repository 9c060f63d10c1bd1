"""A full disk: one line, the former results stay, and the same command succeeds once there is room."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.campaign.conftest import LOCKS, Graph
from tests.pipeline.conftest import environment_of, stages_run

DISK = 700  # MiB
ROOM = 1_000_000  # bytes that DVC may write before the stage does


class Disk:
    """A small file system of its own, with a copy of the project, that only `run` sees."""

    def __init__(self, graph: Graph, folder: Path) -> None:
        self._place = folder / "disk"
        self._place.mkdir()
        mount = f"mount -t tmpfs -o size={DISK}m none {self._place} && echo mounted && exec sleep infinity"
        self._holder = subprocess.Popen(
            ["unshare", "--map-root-user", "--mount", "sh", "-c", mount],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
        )
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != "mounted\n":
            pytest.skip("no file system may be mounted here")
        self.root = Path(f"/proc/{self._holder.pid}/root{self._place}")  # as seen from outside
        self.project = self.root / "project"
        self._environment = environment_of(folder)
        shutil.copytree(graph.folder, self.project, symlinks=True, ignore=shutil.ignore_patterns("runs*"))

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        inside = ["nsenter", f"--target={self._holder.pid}", "--user", "--preserve-credentials", "--mount"]
        return subprocess.run(
            [*inside, "sh", "-c", 'cd "$0" && exec "$@"', f"{self._place}/project", *words],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )

    def fill(self, left: int) -> None:
        """Leave so many bytes of the disk."""
        with (self.root / "filler").open("wb") as stream:
            rest = shutil.disk_usage(self.root).free - left
            for size in (min(1 << 20, rest - done) for done in range(0, rest, 1 << 20)):
                stream.write(bytes(size))

    def free(self) -> None:
        (self.root / "filler").unlink(missing_ok=True)

    def close(self) -> None:
        self._holder.kill()
        self._holder.wait()


@pytest.fixture
def disk(graph: Graph, tmp_path: Path) -> Iterator[Disk]:
    made = Disk(graph, tmp_path)
    yield made
    made.close()


@pytest.mark.long
@pytest.mark.parametrize(
    ("stage", "room"),
    [
        ("synthesize@colored_mnist", 150_000),  # its arrays
        ("sample_counterfactuals@colored_mnist", 150_000),  # its shards
        ("train_cgn@colored_mnist", 150_000),  # a checkpoint
        ("imagenet/dvc.yaml:imagenet_sheets", 150_000),  # a folder of pictures
        ("sample_counterfactuals@wildlife_mnist", ROOM),  # of which DVC's cache wants another copy
    ],
)
def test_a_full_disk_is_told_and_nothing_is_lost(disk: Disk, graph: Graph, stage: str, room: int) -> None:
    Graph(disk.project, graph.run, graph.locks).forget(stage)
    cached = {
        path: path.stat().st_size for path in (disk.project / ".dvc/cache").rglob("*") if path.is_file()
    }
    disk.fill(room)
    full = disk.run("dvc", "repro", "--single-item", stage)
    print(full.stdout[-3000:])
    assert full.returncode != 0
    assert "Traceback" not in full.stdout
    assert "No space left on device" in full.stdout
    disk.free()
    assert all(path.stat().st_size == size for path, size in cached.items())
    again = disk.run("dvc", "repro")
    assert again.returncode == 0, again.stdout[-3000:]
    assert stages_run(again.stdout) <= {stage}
    there = Graph(disk.project, graph.run, graph.locks)
    assert {name: there.lock()[name] for name in LOCKS} == graph.locks
    assert not list(disk.project.rglob(".*.tmp"))
