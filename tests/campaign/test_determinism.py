"""Another clone computes the same bytes; other threads and processors give other last bits, within bounds."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cgn.io.arrays import read_arrays
from experiments.settings import override
from tests.campaign.conftest import LOCKS, Graph
from tests.pipeline.conftest import environment_of

BOUND = 1e-4  # distance of all weights after 40 steps, relative to their size


def sources(graph: Graph, folder: Path) -> Path:
    """The graph's project without what its stages wrote."""
    ignored = shutil.ignore_patterns("cache", "tmp", ".scratch", "__pycache__")
    outputs = {"data", "models", "scores"}

    def ignore(where: str, names: list[str]) -> set[str]:
        return ignored(where, names) | (outputs if Path(where) == graph.folder else set())

    shutil.copytree(graph.folder, folder, ignore=ignore)
    return folder


@pytest.mark.long
def test_another_clone_computes_the_same_bytes(graph: Graph, tmp_path: Path) -> None:
    """In a folder of another name, with another hash seed, in another order."""
    clone = sources(graph, tmp_path / "a clone")
    for name in LOCKS:
        (clone / name).unlink()
    own = [f"{stage}@wildlife_mnist" for stage in ("score", "score_mechanisms")]
    targets = ["imagenet/dvc.yaml:sample_imagenet_counterfactuals", *own]
    subprocess.run(
        [sys.executable, "-m", "dvc", "repro", *targets],
        cwd=clone,
        env=environment_of(tmp_path) | {"PYTHONHASHSEED": "7"},
        check=True,
    )
    there = Graph(clone, graph.run, graph.locks).lock()
    for name in LOCKS:
        assert len(there[name]["stages"]) >= 4
        for stage, entry in there[name]["stages"].items():
            assert entry == graph.locks[name]["stages"][stage]


@pytest.mark.long
@pytest.mark.parametrize(
    ("threads", "processor"), [(1, ""), (2, ""), (1, "avx2"), (1, "default")], ids=lambda value: str(value)
)
def test_other_threads_and_processors_stay_close(
    graph: Graph, tmp_path: Path, threads: int, processor: str
) -> None:
    """`processor` is the instruction set that torch's kernels may use, as on an older processor."""
    folder = sources(graph, tmp_path / "project")
    override(folder, [f"threads={threads}"])
    shutil.copytree(graph.folder / "data/mnist/variants", folder / "data/mnist/variants")
    older = {"ATEN_CPU_CAPABILITY": processor, "ONEDNN_MAX_CPU_ISA": "AVX2"} if processor else {}
    subprocess.run(
        [sys.executable, "-m", "stages.train_cgn", "colored_mnist"],
        cwd=folder,
        env=environment_of(tmp_path) | older,
        check=True,
    )
    ours, theirs = (
        read_arrays(of / "models/mnist/cgn/colored_mnist/weights.safetensors")
        for of in (graph.folder, folder)
    )
    apart = sum(float(np.square(ours[name] - theirs[name]).sum()) for name in ours)
    distance = (apart / sum(float(np.square(ours[name]).sum()) for name in ours)) ** 0.5
    print(f"threads {threads}, processor {processor or 'own'}: distance {distance:.2g}")
    assert distance == 0 if (threads, processor) == (1, "") else distance < BOUND
