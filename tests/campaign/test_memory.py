"""Three gigabytes of memory suffice for the smoke graph, as `graph` shows; a demand for more is one line."""

import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.settings import override
from tests.campaign.conftest import MEMORY, Graph
from tests.pipeline.conftest import environment_of


@pytest.mark.long
@pytest.mark.parametrize("batch", [16, 30_000])
def test_memory_suffices_or_one_line_says_so(graph: Graph, tmp_path: Path, batch: int) -> None:
    project = tmp_path / "project"
    for name in ("cgn", "stages", "budgets", "data/mnist/variants"):
        shutil.copytree(graph.folder / name, project / name)
    for name in ("params.yaml", "assets.yaml"):
        shutil.copy(graph.folder / name, project)
    override(project, [f"budgets/smoke.yaml:train_cgn.batch={batch}"])
    out = project / "models/mnist/cgn/colored_mnist"
    out.mkdir(parents=True)
    (out / "former").touch()
    stage = subprocess.run(
        [sys.executable, "-m", "stages.train_cgn", "colored_mnist"],
        cwd=project,
        env=environment_of(tmp_path),
        stderr=subprocess.PIPE,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (MEMORY << 10, MEMORY << 10)),
        encoding="utf-8",
    )
    assert "Traceback" not in stage.stderr, stage.stderr[-3000:]
    if batch == 16:
        assert stage.returncode == 0
    else:
        assert stage.returncode == 1
        *_, line = stage.stderr.splitlines()
        assert line.startswith("train_cgn: error: out of memory; ")
        assert [path.name for path in out.iterdir()] == ["former"]
