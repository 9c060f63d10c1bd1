"""Three gigabytes of memory are enough for the smoke graph (`graph` has them), and less ends in one line."""

import resource
import subprocess
import sys

import pytest

from tests.campaign.conftest import Graph
from tests.pipeline.conftest import environment_of


@pytest.mark.long
@pytest.mark.parametrize("megabytes", [3000, 700, 600, 500, 400])
@pytest.mark.parametrize("words", [["train_cgn", "colored_mnist"], ["train_imagenet_cgn"], ["textures"]])
def test_memory_suffices_or_one_line_says_so(graph: Graph, words: list[str], megabytes: int) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (megabytes << 20, megabytes << 20))

    stage = subprocess.run(
        [sys.executable, "-m", f"stages.{words[0]}", *words[1:]],
        cwd=graph.folder,
        env=environment_of(graph.folder.parent),
        stderr=subprocess.PIPE,
        preexec_fn=limit,
        encoding="utf-8",
    )
    assert "Traceback" not in stage.stderr, stage.stderr[-3000:]
    if stage.returncode:
        assert megabytes < 3000
        *_, line = stage.stderr.splitlines()
        assert line.startswith(f"{words[0]}: error: out of memory; ")
