"""What an experiment says of itself."""

import subprocess
from pathlib import Path

import pytest

from cgn.errors import UserError
from experiments.experiment import digests, recorded, starting_commit


def test_folders_of_a_machine_are_kept_by_their_own_name() -> None:
    settings = ["budgets/paper.yaml:digits.folder=/home/someone/mnist", "threads=1", "seed=3"]
    assert recorded(settings) == [
        "budgets/paper.yaml:digits.folder=.../mnist",
        "threads=1",
        "seed=3",
    ]


def test_digests_are_of_the_stages_that_the_variant_goes_through() -> None:
    stages = {
        name: {"outs": [{"path": path, "md5": md5}]}
        for name, path, md5 in (
            ("train_cgn@colored_mnist", "models/cgn/colored_mnist", "1.dir"),
            ("digits", "data/digits", "2"),
            ("train_cgn@double_colored_mnist", "models/cgn/double_colored_mnist", "3.dir"),
            ("report", "reports/tables", "4.dir"),
        )
    }
    assert digests(stages, "colored_mnist") == {"data/digits": "2", "models/cgn/colored_mnist": "1.dir"}


def test_results_do_not_make_a_commit_dirty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result, params = tmp_path / "reports/studies/real_share.md", tmp_path / "params.yaml"
    result.parent.mkdir(parents=True)
    for path in (result, params):
        path.write_text("1")
    for words in (["init"], ["add", "."], ["commit", "--message", "start"]):
        own = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *own, *words], check=True, capture_output=True)
    result.unlink()
    assert len(starting_commit()) == 40
    params.write_text("2")
    assert starting_commit().endswith("-dirty")


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("no repository", "not a git repository.*; git init, git add --all, git commit"),
        ("no commit", "there is no commit yet: git add --all, git commit"),
        ("another owner", "dubious ownership.*; git config --global --add safe.directory "),
        ("no git", "git: not found; DVC's experiments need Git: install it"),
    ],
)
def test_without_a_commit_one_line_says_what_to_do(
    fault: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    if fault != "no repository":
        subprocess.run(["git", "init"], check=True, capture_output=True)
    if fault == "another owner":
        monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")  # a switch of Git's own tests
    if fault == "no git":
        monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match=message) as failure:
        starting_commit()
    assert "\n" not in str(failure.value)
