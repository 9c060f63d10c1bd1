"""Many experiments at once: `python -m experiments.submit paper --seeds 0-4 --executor slurm`.

Each job is a DVC experiment of today, in a clone that shares the cache. Results come back as small JSON
files. A job that fails, is pre-empted or runs out of time is submitted again and goes on from its checkpoint;
so does the same command after an interruption. On Slurm this folder must be on a file system that all nodes
have. `--slurm KEY=VALUE` are parameters of submitit, e.g. slurm_partition=gpu or timeout_min=600.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from cgn.errors import UserError
from cgn.report.names import VARIANT_TITLES
from cgn.report.paper_runs import WHOLE_RUN, is_complete
from experiments import deviations, emoji, paper, selection, studies, tuning
from experiments.jobs import Job, clean_commit, run_jobs
from experiments.study_grids import STUDIES
from stages.command import run_command

FOLDER = Path(".scratch/submit")
SUMMARIES = (
    *("reports/paper/mnist.json", "reports/paper/mnist.md"),
    *("reports/deviations/deviations.md", "reports/tuning/tuning.md"),
    *(f"{emoji.FOLDER}/{name}" for name in ("metrics.json", "emoji.md", "ablations.md")),
    *(f"{studies.FOLDER}/{name}.md" for name in STUDIES),
    *(f"{studies.FOLDER}/{study.figure or name}.svg" for name, study in STUDIES.items()),
)

SetParam = Annotated[list[str], typer.Option("-S", help="further parameters, as of dvc exp run")]
Executor = Annotated[Literal["local", "slurm"], typer.Option(help="where jobs run")]
AtOnce = Annotated[int | None, typer.Option(min=1, help="jobs at once; default: local 1, slurm 100")]
Attempts = Annotated[int, typer.Option(min=1, help="times that a job is tried")]
Slurm = Annotated[list[str], typer.Option(help="KEY=VALUE of submitit, for slurm")]


def paper_seeds(
    seeds: Annotated[str, typer.Option(help="e.g. 0-4 or 0,2,7")],
    variant: Annotated[list[str], typer.Option(help="only these variants")] = list(VARIANT_TITLES),  # noqa: B006
    set_param: SetParam = [],  # noqa: B006
    profile: Annotated[str, typer.Option(help="paper or released")] = "paper",
    executor: Executor = "local",
    at_once: AtOnce = None,
    attempts: Attempts = 3,
    slurm: Slurm = [],  # noqa: B006
) -> None:
    """Run every variant of SEEDS that has no result yet (`experiments.paper run`), and summarise all."""
    changes = _words(set_param)
    if profile not in paper.FOLDERS:
        raise UserError(f"--profile {profile}: not one of {', '.join(paper.FOLDERS)}")
    tasks = {
        f"{profile}-{name}-{seed}": [
            *("experiments.paper", "run", str(seed), "--variant", name),
            *("--profile", profile, *changes),
        ]
        for seed in numbers(seeds)
        for name in variant
        if not is_complete(paper.FOLDERS[profile], name, seed, WHOLE_RUN)
    }
    submit(tasks, executor, at_once, attempts, slurm)
    paper.collect()


def each_deviation(
    variant: Annotated[list[str], typer.Option(help="only these variants")] = list(deviations.HARD),  # noqa: B006
    deviation: Annotated[list[str], typer.Option(help="only these")] = deviations.SMALL,
    correlation: Annotated[float, typer.Option(help="of cue and label in the training data")] = 1.0,
    set_param: SetParam = [],  # noqa: B006
    executor: Executor = "local",
    at_once: AtOnce = None,
    attempts: Attempts = 3,
    slurm: Slurm = [],  # noqa: B006
) -> None:
    """Run every deviation that lacks a result of a seed (`experiments.deviations`), and write their table."""
    deviations.require_known(variant, deviation)
    tasks = {
        f"deviation-{name}-{one}-{correlation:g}": [
            *("experiments.deviations", "--variant", name, "--deviation", one),
            *("--correlation", f"{correlation:g}", *_words(set_param)),
        ]
        for name in variant
        for one in deviation
        if not all(
            deviations.is_complete(deviations.result_path(name, one, correlation, seed))
            for seed in deviations.SEEDS
        )
    }
    submit(tasks, executor, at_once, attempts, slurm)
    deviations.collect()


def each_search(
    method: Annotated[list[str], typer.Option(help="only these")] = list(selection.SEARCH),  # noqa: B006
    variant: Annotated[list[str], typer.Option(help="only these variants")] = list(VARIANT_TITLES),  # noqa: B006
    set_param: SetParam = [],  # noqa: B006
    executor: Executor = "local",
    at_once: AtOnce = None,
    attempts: Attempts = 3,
    slurm: Slurm = [],  # noqa: B006
) -> None:
    """Search the settings of METHOD on each variant (`experiments.tuning`), and write their table."""
    tuning.require_known(method, variant)
    tasks = {
        # A run of a stage trains all of its methods, so their searches are one job.
        f"tuning-{stage}-{name}": ["experiments.tuning", *searches, "--variant", name, *_words(set_param)]
        for name in variant
        for stage in tuning.STAGES
        if (searches := tuning.to_do(name, stage, method))
    }
    submit(tasks, executor, at_once, attempts, slurm)
    selection.collect()


def each_study(
    study: Annotated[list[str], typer.Argument(help=", ".join(STUDIES))],
    seeds: Annotated[str, typer.Option(help="e.g. 0-2")] = "0-2",
    variant: Annotated[list[str], typer.Option(help="only these variants")] = list(VARIANT_TITLES),  # noqa: B006
    set_param: SetParam = [],  # noqa: B006
    executor: Executor = "local",
    at_once: AtOnce = None,
    attempts: Attempts = 3,
    slurm: Slurm = [],  # noqa: B006
) -> None:
    """Run a seed and variant of STUDY as a job, if it lacks results (`experiments.studies`)."""
    changes = _words(set_param)
    tasks = {
        f"study-{name}-{of}-{seed}": [
            *("experiments.studies", name, "--variant", of, "--seed", str(seed), *changes),
        ]
        for name in study
        for seed in numbers(seeds)
        for of in studies.study_named(name).variants
        if of in variant and studies.missing(name, of, [seed])
    }
    submit(tasks, executor, at_once, attempts, slurm)
    for name in study:
        studies.collect(name)


def emoji_seeds(
    seeds: Annotated[str, typer.Option(help="of the whole branch, e.g. 0-4")] = "0-4",
    ablation: Annotated[list[str], typer.Option(help=f"with seeds 0-2: {', '.join(emoji.ABLATIONS)}")] = [],  # noqa: B006
    set_param: SetParam = [],  # noqa: B006
    executor: Executor = "local",
    at_once: AtOnce = None,
    attempts: Attempts = 3,
    slurm: Slurm = [],  # noqa: B006
) -> None:
    """Run the seeds of the emoji world that have no result yet, and those of ablations."""
    changes = _words(set_param)
    tasks = {
        f"emoji-{seed}": ["experiments.emoji", "seed", str(seed), *changes]
        for seed in numbers(seeds)
        if not emoji.seed_path(seed).exists()
    }
    tasks |= {
        f"emoji-{name}-{seed}": ["experiments.emoji", "ablation", name, "--seed", str(seed), *changes]
        for name in ablation
        for seed in emoji.ABLATION_SEEDS
        if not emoji.ablation_path(name, seed).exists()
    }
    submit(tasks, executor, at_once, attempts, slurm)
    emoji.collect()


def _words(set_param: Sequence[str]) -> list[str]:
    return [word for setting in set_param for word in ("-S", setting)]


def numbers(text: str) -> list[int]:
    """The numbers of "0-4" or "0,2,7-9". Raises UserError for another text."""
    found: list[int] = []
    try:
        for part in text.split(","):
            first, _, last = part.partition("-")
            found += range(int(first), int(last or first) + 1)
    except ValueError:
        raise UserError(f"--seeds {text}: not numbers as 0-4 or 0,2,7") from None
    return found


def submit(
    tasks: dict[str, list[str]], executor: str, at_once: int | None, attempts: int, slurm: Sequence[str]
) -> None:
    """Runs each of `tasks`, words after `python -m` by the job's name. Raises UserError as `run_jobs`."""
    root = Path.cwd()
    work = root / FOLDER
    jobs = [
        Job(name, tuple(words), root, clean_commit(root), work / name, SUMMARIES)
        for name, words in tasks.items()
    ]
    engine = executor_of(executor, work / "logs", slurm)
    run_jobs(engine, jobs, at_once or (1 if executor == "local" else 100), attempts)


def executor_of(name: str, logs: Path, slurm: Sequence[str]) -> Any:
    """submitit's executor. Raises UserError when submitit or Slurm is missing, or for a bad parameter."""
    try:
        import submitit
    except ImportError:
        raise UserError("submitit: not installed; pip install submitit") from None
    try:
        engine = submitit.AutoExecutor(logs / "%j", cluster=name, slurm_max_num_timeout=100)
        # A job of hours: the local executor would end it after minutes.
        engine.update_parameters(name="cgn", timeout_min=24 * 60)
        pairs = (setting.partition("=") for setting in slurm)
        engine.update_parameters(**{key: int(value) if value.isdigit() else value for key, _, value in pairs})
    except (RuntimeError, NameError, TypeError, ValueError) as error:
        raise UserError(f"--executor {name}: {' '.join(str(error).split())}") from None
    return engine


COMMANDS: dict[str, Callable[..., None]] = {
    "paper": paper_seeds,
    "deviations": each_deviation,
    "tuning": each_search,
    "studies": each_study,
    "emoji": emoji_seeds,
}

if __name__ == "__main__":
    run_command("submit", COMMANDS)
