"""The project as DVC users use it: the real command, in a temporary copy, on the smoke graph."""

import json
import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest
import webdataset
from dvc.repo import Repo
from PIL import Image

from cgn.report.scores import summarise
from experiments.selection import configurations
from tests.pipeline.conftest import Run, run_in, stages_run
from tests.pipeline.test_wiring import command_file, import_closure

VARIANTS = ("colored_mnist", "double_colored_mnist", "wildlife_mnist")
METHODS = (
    *("original", "gan", "irm_2", "irm_5", "lntl", "cgn"),
    *("group_dro", "augmentation", "cgn_only", "cgn_abduction", "oracle"),
)


def test_the_graph_gives_every_score(smoke: Path) -> None:
    metrics = json.loads((smoke / "reports/metrics.json").read_text())
    for variant in VARIANTS:
        for method in METHODS:
            scores = metrics["mnist"][variant][method]
            assert 0 <= scores["train_accuracy"] <= 100
            assert 0 <= scores["test_accuracy"] <= 100
        names = {"mask_mean", "mask_entropy", "mask_digit_accuracy", "inverted_masks", "healthy_classes"}
        assert names <= set(metrics["mnist"][variant]["mechanisms"])
        environments = {"90", "92_5", "95", "97_5", "100", "random"}
        signals = metrics["mnist"][variant]["signals"]
        assert set(signals) == {"shape", "foreground", "background"}
        assert all(set(accuracies) == environments for accuracies in signals.values())
        assert metrics["mnist"][variant]["causal_signal"] in {*signals, "none", "several"}
    assert set(metrics["mnist"]["colored_mnist"]["latents"]) >= {"vae_2", "vae_10", "gan", "cgn_shape"}
    assert metrics["run"]["profile"] == "smoke"
    assert json.loads((smoke / "reports/summary.json").read_text()) == summarise(metrics)


def test_shards_are_plain_webdataset(smoke: Path) -> None:
    shards = sorted((smoke / "data/mnist/shards/wildlife_mnist/counterfactuals").glob("*.tar"))
    samples = list(webdataset.WebDataset([str(shard) for shard in shards], shardshuffle=False).decode("rgb8"))
    assert len(samples) == 600
    assert set(samples[0]["json"]["labels"]) == {"shape", "foreground", "background"}


def test_shards_are_read_as_the_docs_say(dvc: Run, root: Path) -> None:
    docs = (root / "docs/extending.md").read_text(encoding="utf-8")
    (snippet,) = re.findall(
        r"```python\n(.*?)```", docs.partition("\n## Your own images in shards\n")[2], re.S
    )
    counted = snippet.replace("    image, shape", "    print('sample')\n    image, shape")
    assert dvc("python", "-c", counted).count("sample") == 600


@pytest.mark.long
def test_the_tutorial(dvc: Run, smoke: Path, root: Path) -> None:
    """Its commands, to the letter and one after the other; a lambda runs generators again and no baseline."""
    text = (root / "docs/tutorial.md").read_text(encoding="utf-8")
    said = {}
    (smoke / ".venv").symlink_to(sys.prefix)  # what `make setup` makes
    for line in "".join(re.findall(r"```bash\n(.*?)```", text, re.S)).splitlines():
        words = shlex.split(line, comments=True)
        if words == [".", ".venv/bin/activate"]:
            assert (smoke / words[1]).exists()
        else:
            asked = [*words, "--old-file=.venv/installed"] if words[0] == "make" else words
            said[" ".join(words)] = dvc(*asked)
    (smoke / ".venv").unlink()

    assert "The report is in reports/index.html" in said["make repro"]
    assert "Data and pipelines are up to date." in said["dvc repro"]
    scores = json.loads((smoke / "reports/metrics.json").read_text(encoding="utf-8"))["mnist"][
        "wildlife_mnist"
    ]
    assert {"cgn", "original", "oracle", "mechanisms"} <= set(scores)
    ran = stages_run(said["dvc exp run --name without-entropy -S mnist.cgn.lambda_binary=0"])
    assert {f"train_cgn@{variant}" for variant in VARIANTS} <= ran
    trained = ("train_on_counterfactuals", "train_on_abducted")
    assert {f"{stage}@{variant}" for stage in trained for variant in VARIANTS} <= ran
    untouched = {"digits", "textures", "synthesize", "train_gan", "train_on_biased"}
    untouched |= {"train_on_environments", "train_on_random_cues", "train_on_gan_samples"}
    assert not {name for name in ran if name.split("@")[0] in untouched or "imagenet" in name}
    assert "mnist.cgn.lambda_binary" in said["dvc params diff"]
    assert "mnist.wildlife_mnist.mechanisms.mask_entropy" in said["dvc metrics diff"]
    assert "without-entropy" in said["dvc exp show --only-changed"]
    assert "figure_3_wildlife_mnist" in (smoke / ".scratch/plots/index.html").read_text(encoding="utf-8")


def test_a_penalty_reruns_irm_and_no_generator(dvc: Run) -> None:
    dvc("git", "checkout", "--force", "--quiet", ".")
    dvc("dvc", "checkout", "--force")
    ran = stages_run(dvc("dvc", "exp", "run", "--temp", "-S", "budgets/smoke.yaml:methods.irm.penalty=5000"))
    irm = {f"train_on_environments@{variant}" for variant in VARIANTS}
    assert ran == irm | {f"score@{variant}" for variant in VARIANTS} | {"report"}


def test_a_relative_folder_is_found_from_a_temporary_copy(dvc: Run, smoke: Path) -> None:
    """It is no part of the repository, so DVC's copy does not have it."""
    dvc("git", "checkout", "--force", "--quiet", ".")
    for cue in ("object", "background"):
        folder = smoke.parent / "my töxtures" / cue
        folder.mkdir(parents=True)
        for number in range(10):
            Image.new("RGB", (40, 40), (number, 99, 200)).save(folder / f"{number}.png")
    own = ["-S", "budgets/smoke.yaml:textures.source=folder"]
    own += ["-S", "budgets/smoke.yaml:textures.folder='../my töxtures'"]
    assert stages_run(dvc("dvc", "exp", "run", "--temp", "--name", "own-textures", *own, "textures"))
    dvc("dvc", "exp", "remove", "own-textures")


@pytest.mark.parametrize(
    ("branch", "rooms"),
    [
        ("dvc.yaml", "data evaluation generators methods metrics networks"),
        ("imagenet/dvc.yaml", "data evaluation generators methods metrics networks report"),
    ],
)
def test_a_comment_in_one_branch_makes_no_stage_of_the_other_stale(
    dvc: Run, smoke: Path, branch: str, rooms: str
) -> None:
    """One module of every room that has some which this branch alone uses; the report is of both."""
    dvc("git", "checkout", "--force", "--quiet", ".")
    dvc("dvc", "checkout", "--force")
    used: dict[bool, set[Path]] = {True: set(), False: set()}
    for stage in Repo(str(smoke)).index.stages:
        if stage.name != "report":
            own = Path(stage.path_in_repo) == Path(branch)
            used[own] |= import_closure(command_file(stage, smoke), smoke)
    library = smoke / "cgn"
    alone = {
        path.relative_to(library).parts[0]: path
        for path in used[True] - used[False]
        if library in path.parents
    }
    assert set(alone) == set(rooms.split())
    for module in alone.values():
        module.write_text(module.read_text(encoding="utf-8") + "# a comment\n", encoding="utf-8")
    stale = {name for name in json.loads(dvc("dvc", "status", "--json")) if name != "report"}
    dvc("git", "checkout", "--force", "--quiet", ".")
    assert stale
    assert {name.startswith("imagenet/") for name in stale} == {branch.startswith("imagenet/")}


def test_diffs_and_plots(dvc: Run, smoke: Path) -> None:
    name = dvc("dvc", "exp", "list", "--name-only").split()[0]
    assert "methods.irm.penalty" in dvc("dvc", "params", "diff", "HEAD", name) + dvc(
        "dvc", "exp", "diff", "HEAD", name
    ) or "lambda_mask" in dvc("dvc", "params", "diff", "HEAD", name)
    assert "mnist." in dvc("dvc", "metrics", "diff", "--all", "HEAD", name)
    dvc("dvc", "plots", "show", "--out", "plots_page")
    page = (smoke / "plots_page/index.html").read_text()
    assert "figure_3_wildlife_mnist" in page


@pytest.mark.long
def test_a_paper_run_keeps_its_results_and_is_not_repeated(dvc: Run, smoke: Path) -> None:
    dvc("git", "checkout", "--force", "--quiet", ".")
    dvc("dvc", "checkout", "--force")
    lock = (smoke / "dvc.lock").read_bytes()
    words = ["python", "-m", "experiments.paper", "run", "0"]
    words += ["--variant", "colored_mnist", "-S", "profile=smoke"]
    dvc(*words)
    # The same profile and seed as in the workspace give the same scores; the workspace's lock is left alone.
    scores = json.loads((smoke / "reports/metrics.json").read_text())["mnist"]["colored_mnist"]
    result = smoke / "reports/paper/results/colored_mnist/original/seed_0.json"
    kept = json.loads(result.read_text())
    assert kept == scores["original"]
    assert (smoke / "dvc.lock").read_bytes() == lock
    summary = json.loads((smoke / "reports/paper/mnist.json").read_text())
    assert summary["colored_mnist"]["original"]["test_accuracy"] == round(kept["test_accuracy"], 2)
    assert summary["colored_mnist"]["cgn"]["seeds"] == 1
    assert "has its results" in dvc(*words)
    digests = smoke / "reports/paper/results/colored_mnist/digests/seed_0.json"
    digests_before = json.loads(digests.read_text())
    assert "models/mnist/cgn/colored_mnist" in digests_before
    # Some stages alone give the same results of their methods and of the masks as the whole run.
    results = smoke / "reports/paper/results/colored_mnist"
    of_stage = {method: results / method / "seed_0.json" for method in ("original", "lntl", "augmentation")}
    of_stage["mechanisms"] = results / "mechanisms" / "seed_0.json"
    before = {method: json.loads(path.read_text()) for method, path in of_stage.items()}
    shutil.rmtree(smoke / "reports/paper/results")
    assert not stages_run(dvc(*words, "--stage", "train_on_biased", "--stage", "score_mechanisms"))
    assert {method: json.loads(path.read_text()) for method, path in of_stage.items()} == before
    assert "has its results" in dvc(*words, "--stage", "train_on_biased")
    facts = json.loads((results / "train_on_biased/seed_0.json").read_text())
    assert "--variant colored_mnist --stage train_on_biased" in facts["command"]
    original = "models/mnist/classifiers/colored_mnist/original"
    assert facts["digests"][original] == digests_before[original]
    # Without the other results, everything comes from DVC's cache.
    assert not stages_run(dvc(*words))
    assert json.loads(result.read_text()) == kept
    assert json.loads(digests.read_text()) == digests_before
    assert not [*results.glob("train_on_biased/seed_0.json"), *results.glob("score_mechanisms/seed_0.json")]
    refusal = dvc(*words, "-S", "mnist.cgn.lambda_mask=1", status=1)
    assert "cgn: mnist.cgn.lambda_mask is 50.0 there and 1.0 here" in refusal
    assert "original: " not in refusal


def test_a_search_runs_a_stage_and_keeps_each_result(dvc: Run, smoke: Path) -> None:
    dvc("git", "checkout", "--force", "--quiet", ".")
    dvc("dvc", "checkout", "--force")
    searches = ("lntl", "augmentation")
    files = [smoke / f"reports/tuning/colored_mnist/{search}.json" for search in searches]
    accuracies = {"held_out_accuracy": 50.0, "random_cue_accuracy": 50.0}
    known, left_out = [], []
    for search, file in zip(searches, files, strict=True):
        first, *others, last = configurations(search)
        done = [(settings, 0) for settings in (first, *others)] + [(first, seed) for seed in (1, 2)]
        known.append(
            [{"settings": settings, "seed": seed, "methods": {search: accuracies}} for settings, seed in done]
        )
        left_out.append(last)
        file.write_text(json.dumps(known[-1]))
    words = ["python", "-m", "experiments.tuning", *searches]
    words += ["--variant", "colored_mnist", "-S", "profile=smoke"]
    # One run of the stage is of both methods.
    assert stages_run(dvc(*words)) == {"train_on_biased@colored_mnist"}
    for file, results, settings in zip(files, known, left_out, strict=True):
        *earlier, found = json.loads(file.read_text())
        assert earlier == results
        assert (found["settings"], found["seed"]) == (settings, 0)
        for of_method in found["methods"].values():
            assert 0 <= of_method["random_cue_accuracy"] <= 100
    assert not stages_run(dvc(*words))
    dvc("git", "checkout", "--force", "--quiet", ".")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("mnist.cgn.lambda_mask=-1", "mnist.cgn.lambda_mask: .*greater than or equal to 0, got -1"),
        ("mnist.variants.colored_mnist.variance=-1", "variance: .*got -1"),
    ],
)
def test_a_bad_value_stops_with_one_line(root: Path, tmp_path: Path, override: str, message: str) -> None:
    from tests.pipeline.conftest import copy_project

    project = copy_project(root, tmp_path / "project")
    key, value = override.split("=")
    name = key.rsplit(".", 1)[1]
    params = project / "params.yaml"
    params.write_text(re.sub(rf"(\n +{name}:) .*", rf"\1 {value}", params.read_text(), count=1))
    output = run_in(project)("python", "-m", "stages.digits", status=1)
    (line,) = output.strip().splitlines()
    assert re.search(message, line)
    assert not (project / "data").exists()
