"""A copy of the project whose smoke graph is long enough to be interrupted."""

import re
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from dvc.utils.serialize import load_yaml

from experiments.settings import override
from tests.pipeline.conftest import Run, copy_project, run_in

MEMORY = 3 << 20  # KiB
LOCKS = ("dvc.lock", "imagenet/dvc.lock")
# So that trainings run longer than five seconds.
SIZES = (
    *("train_cgn.steps=40", "train_gan.steps=40", "train_classifiers.updates=100"),
    *("abduct.image_passes=640", "train_digit_classifier.image_passes=3200"),
    *("train_imagenet_cgn.steps=4", "ablate_imagenet_cgn.steps=3", "pretrained_networks.biggan.steps=3"),
    *("train_imagenet_classifiers.image_passes=960", "train_ensemble.image_passes=960"),
)


class Graph(NamedTuple):
    """The copy after an undisturbed `dvc repro`."""

    folder: Path
    run: Run
    locks: dict[str, Any]  # of each dvc.lock, by its path

    def lock(self) -> dict[str, Any]:
        """What the locks hold now: the digests of all that stages read and write, but for the report.

        It tells how long the stages ran.
        """
        held = {name: load_yaml(self.folder / name) for name in LOCKS}
        del held["dvc.lock"]["stages"]["report"]["outs"]
        return held

    def forget(self, stage: str) -> None:
        """Makes DVC run `stage` again, from nothing. Its outputs stay in DVC's cache."""
        where, _, name = stage.rpartition(":")
        lock = self.folder / Path(where or "dvc.yaml").with_suffix(".lock")
        for out in load_yaml(lock)["stages"][name].get("outs", []):
            path = self.folder / out["path"]  # both graphs have their paths from there
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        text = lock.read_text(encoding="utf-8")
        entry = re.compile(rf"^  {re.escape(name)}:\n(?:    .*\n)*", re.M)
        assert entry.search(text)
        lock.write_text(entry.sub("", text), encoding="utf-8")
        runs = self.folder / ".dvc/cache/runs"
        if runs.exists():
            runs.rename(runs.with_name(f"runs.{len(list(runs.parent.iterdir()))}"))


@pytest.fixture(scope="session")
def graph(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    folder = copy_project(root, tmp_path_factory.mktemp("campaign") / "project")
    override(folder, [f"budgets/smoke.yaml:{size}" for size in SIZES])
    # A checkpoint a second, not one in 30, so that interruptions find some.
    module = folder / "cgn/training/checkpoint.py"
    code = module.read_text(encoding="utf-8")
    assert "every_seconds: float = 30" in code
    module.write_text(code.replace("every_seconds: float = 30", "every_seconds: float = 1"), encoding="utf-8")
    for name in LOCKS:
        (folder / name).unlink()
    run = run_in(folder)
    run("dvc", "config", "--local", "core.no_scm", "true")
    run(
        "sh", "-c", f"ulimit -d {MEMORY} && exec dvc repro"
    )  # of each process; it suffices, which is a test too
    undisturbed = Graph(folder, run, {})
    return undisturbed._replace(locks=undisturbed.lock())
