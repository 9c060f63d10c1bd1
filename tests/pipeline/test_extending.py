"""The recipes of docs/extending.md, followed to the letter in a copy of the project."""

import json
import re
import shutil
from pathlib import Path

import pytest
import webdataset as wds

from tests.pipeline.conftest import Run, run_in, stages_run

VARIANTS = ("colored_mnist", "double_colored_mnist", "wildlife_mnist")


class Project:
    """A copy that has its smoke graph's outputs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.run: Run = run_in(folder)

    def insert(self, name: str, code: str, *, after: str = "", before: str = "") -> None:
        """Put `code` into a file after the first place of a text, or before it; at its end without any."""
        path = self.folder / name
        text = path.read_text(encoding="utf-8")
        if after or before:
            head, found, tail = text.partition(after or before)
            assert found, f"{name}: no {after or before!r}"
            text = f"{head}{found}{code}{tail}" if after else f"{head}{code}{found}{tail}"
        else:
            text = f"{text}\n\n{code}"
        path.write_text(text, encoding="utf-8")

    def replace(self, name: str, old: str, new: str) -> None:
        """Replace the first place of a text."""
        self.insert(name, new, before=old)
        path = self.folder / name
        path.write_text(path.read_text(encoding="utf-8").replace(new + old, new, 1), encoding="utf-8")

    def metrics(self) -> dict[str, dict[str, dict[str, float]]]:
        metrics = json.loads((self.folder / "reports/metrics.json").read_text())["mnist"]
        assert isinstance(metrics, dict)
        return metrics


@pytest.fixture
def project(smoke: Path, dvc: Run, tmp_path: Path) -> Project:
    dvc("git", "checkout", "--force", "--quiet", ".")
    dvc("dvc", "checkout", "--force")
    shutil.copytree(smoke, tmp_path / "project", symlinks=True)
    shutil.copy(smoke.parent / "gitconfig", tmp_path)
    return Project(tmp_path / "project")


def code_of(root: Path, title: str) -> list[str]:
    """The code blocks of a section of docs/extending.md."""
    text = (root / "docs/extending.md").read_text(encoding="utf-8")
    section = text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"^```\w+\n(.*?)^```$", section, re.S | re.M)
    assert blocks
    return blocks


def test_a_method_is_four_edits(project: Project, root: Path) -> None:
    file, row, parameters, section, lines = code_of(root, "A method")
    (project.folder / "cgn/methods/label_smoothing.py").write_text(file)
    project.insert("cgn/methods/registry.py", row, after="\nMETHODS = {\n")
    project.insert("cgn/methods/params.py", parameters)
    project.insert("params.yaml", section, after="\nmethods:\n")
    places = ("deps", "params", "outs")
    for place, line in zip(places, lines.splitlines(keepends=True), strict=True):
        stage = (project.folder / "dvc.yaml").read_text().partition("  train_on_biased:\n")[2]
        start = stage.partition(f"    {place}:\n")[0] + f"    {place}:\n"
        project.insert("dvc.yaml", line, after=start)

    ran = stages_run(project.run("dvc", "repro", "report"))
    assert ran == {f"{stage}@{of}" for stage in ("train_on_biased", "score") for of in VARIANTS} | {"report"}
    for variant in VARIANTS:
        assert 0 <= project.metrics()[variant]["label_smoothing"]["test_accuracy"] <= 100
    reports = project.folder / "reports"
    assert "| Label smoothing (not in the paper)" in (reports / "tables/table_2.md").read_text()
    assert "labels are spread over all classes" in (reports / "index.html").read_text()
    assert "Label smoothing" in (reports / "figures/accuracy.svg").read_text()
    project.run("python", "-m", "pytest", "-q", "tests/pipeline/test_wiring.py")


@pytest.mark.long
def test_a_data_set_is_four_edits(project: Project, root: Path) -> None:
    synthesis, row, parameters, line, section = code_of(root, "A data set")
    variants = "cgn/data/mnist/variants.py"
    project.insert(variants, "ColoredGroundParams, ", after="from cgn.data.params import ")
    project.insert(variants, synthesis, before="class Variant(NamedTuple):\n")
    project.insert(variants, row, after="\nVARIANTS = {\n")
    project.insert("cgn/data/params.py", parameters, before="class VariantsParams(Section):\n")
    project.insert("cgn/data/params.py", line, after="class VariantsParams(Section):\n")
    project.insert("params.yaml", section, after="\n  variants:\n")
    project.insert("dvc.yaml", "colored_ground_mnist, ", after="  - variants: [")

    project.run("dvc", "repro", "report")
    metrics = project.metrics()
    assert {*VARIANTS, "colored_ground_mnist"} == set(metrics)
    assert 0 <= metrics["colored_ground_mnist"]["cgn"]["test_accuracy"] <= 100
    assert "Colored-ground MNIST" in (project.folder / "reports/index.html").read_text()
    project.run("python", "-m", "pytest", "-q", "tests/pipeline/test_wiring.py")


@pytest.mark.long
def test_a_mechanism_is_four_edits(project: Project, root: Path) -> None:
    nodes, networks, network, composer, names, intervened = code_of(root, "A mechanism")
    mechanisms = "cgn/generators/mnist/mechanisms.py"
    project.replace("cgn/scm.py", "        _COMPOSER,\n", nodes)
    project.insert(mechanisms, networks + "\n\n", before="class CGNConfig(NamedTuple):\n")
    project.insert(
        mechanisms, network, after="        self.background = TextureMechanism(*sizes, *texture)\n"
    )
    project.replace(mechanisms, '{"composer": compose}\n', composer)
    project.replace("cgn/section.py", 'Mechanism = Literal["shape", "foreground", "background"]\n', names)
    project.insert("params.yaml", intervened, after="\n    intervened:\n")

    project.run("dvc", "repro", "sample_counterfactuals@colored_mnist", "abduct@colored_mnist")
    for kind in ("counterfactuals", "abducted"):
        shards = sorted((project.folder / f"data/mnist/shards/colored_mnist/{kind}").glob("*.tar"))
        labels = [
            sample["json"]["labels"]
            for sample in wds.WebDataset([*map(str, shards)], shardshuffle=False).decode("pil")
        ]
        assert set(labels[0]) == {"shape", "foreground", "background", "shadow"}
        assert {label["shadow"] for label in labels} == set(range(10))
        assert any(label["shadow"] != label["shape"] for label in labels)
    project.run("python", "-m", "pytest", "-q", "tests/pipeline/test_wiring.py")


@pytest.mark.long
def test_a_metric_is_four_edits(project: Project, root: Path) -> None:
    file, imported, call, field, shown, line = code_of(root, "A metric")
    scores, records = "cgn/evaluation/classifier_scores.py", "cgn/report/scores.py"
    (project.folder / "cgn/metrics/worst_class.py").write_text(file)
    project.insert(scores, imported, before="from cgn.networks.classifier import ")
    project.insert(scores, call, before="    return scores\n")
    project.insert(records, field, after="    test_accuracy: Percent\n")
    project.insert(records, shown.strip(), after="model_dump(include={")
    stage = (project.folder / "dvc.yaml").read_text().partition("  score:\n")[2]
    project.insert("dvc.yaml", line, after=stage.partition("    deps:\n")[0] + "    deps:\n")

    ran = stages_run(project.run("dvc", "repro", "report"))
    assert ran == {f"score@{of}" for of in VARIANTS} | {"report"}
    for variant in VARIANTS:
        shown_scores = project.metrics()[variant]["original"]
        assert 0 <= shown_scores["worst_class_accuracy"] <= shown_scores["test_accuracy"]
    project.run("python", "-m", "pytest", "-q", "tests/pipeline/test_wiring.py")
