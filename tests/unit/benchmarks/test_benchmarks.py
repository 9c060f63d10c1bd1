"""The benchmarks at tiny sizes: what they run works, and their results have the right form."""

import subprocess
from pathlib import Path

import pytest
import torch

from benchmarks import growth, growth_curves, paper_plan, peak, reading, released
from benchmarks.released_step import ReleasedCGN, ReleasedTraining
from benchmarks.timing import in_turn
from cgn.errors import UserError
from cgn.io.files import read_json
from experiments.imagenet import settings_of
from experiments.settings import overridden


@pytest.fixture(autouse=True)
def in_repository(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)


def test_calls_take_turns() -> None:
    order: list[str] = []
    times = in_turn({name: lambda name=name: order.append(name) for name in "ab"}, rounds=2)
    assert order == list("ababab")
    assert set(times) == {"a", "b"}
    assert min(times["a"]) >= 0


def test_the_exponent_is_that_of_a_power() -> None:
    assert growth.exponent([1, 4, 16, 64], [3.0, 6.0, 12.0, 24.0]) == pytest.approx(0.5)


def test_curves_are_measured_and_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth_curves, "STEPS", 1)
    monkeypatch.setattr(growth_curves, "SHARD", 8)
    sizes = {"shards": (2, 4), "stages": (1, 2), "images of a batch": (2, 4)}
    memory, time = (
        [curve._replace(sizes=sizes.get(curve.unit, (32, 64))) for curve in curves(tmp_path)]
        for curves in (growth_curves.in_memory, growth_curves.in_time)
    )
    found = growth.measured(memory, [curve for curve in time if curve.unit != "stages"], rounds=1)
    assert [row["name"] for row in found["curves"][:4]] == [curve.name for curve in memory]
    assert all(min(row["mebibytes"]) > 1 for row in found["curves"][:4])
    assert all(len(row["cpu_seconds"]) == len(row["seconds"]) == 2 for row in found["curves"][4:])
    assert len(growth.table(found)) == len(memory) + len(time) - 1
    assert growth.chart(found) == growth.chart(found)


def test_a_chain_of_stages_has_nothing_to_do(tmp_path: Path) -> None:
    again = growth_curves.no_op(tmp_path, 2)
    before = [path.stat().st_mtime_ns for path in sorted((tmp_path / "2").glob("*.txt"))]
    assert len(before) == 3
    again()
    assert [path.stat().st_mtime_ns for path in sorted((tmp_path / "2").glob("*.txt"))] == before
    status = subprocess.run(["dvc", "status"], cwd=tmp_path / "2", capture_output=True, text=True)
    assert "up to date" in status.stdout


def test_memory_is_that_of_the_call() -> None:
    def fails() -> None:
        raise ValueError

    little, much = (peak.peak_bytes(lambda size=size: torch.ones(size)) for size in (1, 2**26))
    assert 2**27 < much - little < 2**29  # of 2**28 bytes; the system may take some back in between
    with pytest.raises(UserError, match="has failed"):
        peak.peak_bytes(fails)


def test_the_committed_figure_is_of_the_committed_results(root: Path) -> None:
    drawn = growth.chart(read_json(growth.RESULTS))
    assert drawn == (root / growth.FIGURE).read_text(encoding="utf-8")


def test_nothing_grows_faster_than_linearly() -> None:
    table = growth.table(read_json(growth.RESULTS)).set_index("what")["exponent"]
    assert table.max() < 1.1
    assert table[table.index.str.startswith("memory")].max() < 0.1


def test_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BATCH", 4)
    found = reading.measured(tmp_path, count=8, rounds=1)
    names = {name for pair in reading.RATIOS.values() for name in pair}
    assert set(found["rows"]) == names | {"PNG shards, written"}
    assert set(found["ratios"]) == set(reading.RATIOS)
    assert found["rows"]["photos, ours"]["bytes_of_an_image"] == pytest.approx(116_000, rel=0.1)


def test_the_released_step(shared_data: Path) -> None:
    """The published weights fit, so the networks are those of the released code."""
    weights = shared_data / "released_mnist_cgn/wildlife.pth"
    cgn = ReleasedCGN()
    cgn.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    with torch.no_grad():
        mask, *textures = cgn.eval()(torch.arange(10))
    assert 0.1 < mask.mean() < 0.25  # as digits
    assert {image.shape for image in textures} == {(10, 3, 32, 32)}


def test_the_released_training_learns() -> None:
    torch.manual_seed(0)
    training = ReleasedTraining()
    before = [p.detach().clone() for p in (*training.cgn.parameters(), *training.discriminator.parameters())]
    losses = torch.stack(training.step(torch.rand(2, 3, 32, 32), torch.tensor([3, 4])))
    after = [*training.cgn.parameters(), *training.discriminator.parameters()]
    assert losses.isfinite().all()
    assert sum(not torch.equal(*pair) for pair in zip(before, after, strict=True)) > len(before) * 0.9


def test_both_schedules(tmp_path: Path) -> None:
    released.main(tmp_path / "released.json", rounds=1, ours=1, theirs=1)
    found = read_json(tmp_path / "released.json")
    assert found["rows"]["released"]["images"] == 750_000
    assert found["rows"]["ours"]["images"] == 128_000
    hours = [found["rows"][name]["hours"] for name in ("released", "ours")]
    assert found["ratio_of_hours"] == pytest.approx(hours[0] / hours[1])


@pytest.mark.parametrize("preset", ["paper", "released"])
def test_the_plan(preset: str) -> None:
    steps, speeds = read_json(paper_plan.STEPS), read_json(paper_plan.READING)
    parts = paper_plan.parts(preset, steps, speeds)
    assert parts["CGN"].hours == pytest.approx(40 * 4000 / 47.363 / 3600, rel=1e-4)
    assert parts["5 ablations"].hours == pytest.approx(5 * parts["CGN"].hours)
    one, _, many = (row["hours, if nothing is lost"] for row in paper_plan.plan(parts, speeds))
    assert one == pytest.approx(sum(part.hours for part in parts.values())) == pytest.approx(64 * many)
    reads = [row["GB/s that the ensemble reads"] for row in paper_plan.plan(parts, speeds)]
    assert reads == pytest.approx([reads[0], 8 * reads[0], 64 * reads[0]])
    of_all = parts["ensemble"].images * (115_535 + 174_226) / 2  # bytes
    assert reads[0] * 1e9 * 3600 * parts["ensemble"].hours == pytest.approx(of_all, rel=1e-5)
    budgets = overridden(settings_of(preset, "/data/imagenet", 0, "cuda", 16)).budgets
    assert budgets.train_imagenet_cgn.accumulation == paper_plan.UPDATE


def test_the_docs_have_the_committed_results(root: Path) -> None:
    text = (root / "docs/scaling.md").read_text(encoding="utf-8")
    steps, speeds = read_json(paper_plan.STEPS), read_json(paper_plan.READING)
    assert paper_plan.table(paper_plan.parts("paper", steps, speeds), speeds) in text
    assert reading.table(speeds) in text
    exponents = growth.table(read_json(growth.RESULTS))["exponent"].round(2)
    assert f"largest exponent is {exponents.max():.2f}" in text
    assert f"does not grow (at most {exponents[:4].max():.2f})" in text
    assert released.table(read_json(Path("benchmarks/released.json"))) in text
