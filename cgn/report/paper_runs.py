"""Results of runs at the paper's sizes: a small JSON for each variant, method and seed, and their summary.

<folder>/<variant>/<method>/seed_<k>.json      {"train_accuracy": …, "test_accuracy": …}, percent
<folder>/<variant>/<method>/parameters.json    the parameters that these results depend on
<folder>/<variant>/mechanisms/                 the same two files, for the scores of the CGN's masks
<folder>/<variant>/run/seed_<k>.json           command, commit, versions, machine, wall time
<folder>/<variant>/digests/seed_<k>.json       MD5 of every output, equal in a repeated run
<folder>/<variant>/<stage>/seed_<k>.json       run and digests of a run that had this stage, not all
"""

import re
from collections.abc import Container, Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from cgn.errors import UserError
from cgn.io.files import read_json, write_json
from cgn.report.names import METHOD_TITLES, VARIANT_TITLES
from cgn.report.paper_values import FOOTNOTE, paper_value, unverified_values
from cgn.report.run_facts import duration
from cgn.report.scores import parse_classifiers, parse_mechanisms
from cgn.report.tables import MINUS, NONE, beside

MECHANISMS = ("mask_mean", "mask_entropy", "mask_digit_accuracy", "inverted_masks", "healthy_classes",
              "diversity", "digit_classifier_accuracy", "abduction_iou")  # fmt: skip
WHOLE_RUN = (*METHOD_TITLES, "mechanisms", "digests", "run")
RUN_FILES = "run/seed_*.json"
STAGE_RUN_FILES = ("train_on_*/seed_*.json", "score_mechanisms/seed_*.json")
# The rows of the released protocol: the paper's, but for what it does not describe.
_OF_RELEASED = ("original", "irm_2", "gan", "cgn", "cgn_only", "oracle")
_UPDATES = "budgets.train_classifiers.updates"
# A summary shows the worst seed of these scores, and the mean of the others.
_WORST = {"healthy_classes": "min", "inverted_masks": "max"}


def is_complete(folder: Path, variant: str, seed: int, names: Iterable[str] = WHOLE_RUN) -> bool:
    """Whether the results `names` (methods, "mechanisms", …) of one variant and seed are there."""
    return all((folder / variant / name / f"seed_{seed}.json").exists() for name in names)


def write_results(
    folder: Path,
    variant: str,
    seed: int,
    classifiers: Any,
    mechanisms: Any,
    run: dict[str, Any],
    digests: dict[str, str],
    names: Container[str],
) -> None:
    """Writes the scores of one variant and seed, by stage `score`: those of `names`.

    Raises UserError when one is missing.
    """
    source = f"scores of {variant}, seed {seed}"
    scores = parse_classifiers(classifiers, source)
    parse_mechanisms(mechanisms, source)
    write_json(folder / variant / "run" / f"seed_{seed}.json", run)
    write_json(folder / variant / "digests" / f"seed_{seed}.json", digests)
    for method, score in scores.items():
        if method not in names:
            continue
        accuracies = score.model_dump(include={"train_accuracy", "test_accuracy"})
        write_json(folder / variant / method / f"seed_{seed}.json", accuracies)
    if "mechanisms" in names:
        health = {name: mechanisms[name] for name in MECHANISMS}
        write_json(folder / variant / "mechanisms" / f"seed_{seed}.json", health)
    for path in _found(folder / variant, *STAGE_RUN_FILES):
        if path.name == f"seed_{seed}.json":
            path.unlink()  # its results are replaced


def write_results_of_stage(
    folder: Path,
    variant: str,
    seed: int,
    stage: str,
    scores: Mapping[str, Mapping[str, Any]],
    run: dict[str, Any],
    digests: dict[str, str],
) -> None:
    """Writes the scores of each method of a stage, or of "mechanisms"; other results stay.

    Those of a method are its train_accuracy and test_accuracy.
    """
    write_json(folder / variant / stage / f"seed_{seed}.json", {**run, "digests": digests})
    for name, of_name in scores.items():
        kept = {key: of_name[key] for key in MECHANISMS} if name == "mechanisms" else of_name
        write_json(folder / variant / name / f"seed_{seed}.json", kept)


def write_parameters(folder: Path, variant: str, parameters: Mapping[str, Mapping[str, Any]]) -> None:
    """Writes the parameters that the results of each method depend on: {method: {key: value}}."""
    for name, of_method in parameters.items():
        write_json(folder / variant / name / "parameters.json", of_method)


def differences(folder: Path, variant: str, parameters: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The methods whose results have other parameters than `parameters`, with the first such key."""
    found = {}
    for name, asked in parameters.items():
        results, path = folder / variant / name, folder / variant / name / "parameters.json"
        if any(results.glob("seed_*.json")):
            kept = read_json(path) if path.exists() else {}
            for key in (*asked, *kept):
                there, here = (of.get(key, "absent") for of in (kept, asked))
                if there != here:
                    found[name] = f"{key} is {there} there and {here} here"
                    break
    return found


def read_results(folder: Path) -> pd.DataFrame:
    """Reads all results: a row for each variant, name (a method or "mechanisms") and seed, with its values.

    A method has the number of its `updates`, too.

    Raises UserError when there are none.
    """
    rows = []
    for variant in VARIANT_TITLES:
        for name in (*METHOD_TITLES, "mechanisms"):
            for path in sorted((folder / variant / name).glob("seed_*.json")):
                seed = int(path.stem.removeprefix("seed_"))
                row = {"variant": variant, "name": name, "seed": seed, **read_json(path)}
                if name != "mechanisms":
                    row["updates"] = read_json(path.with_name("parameters.json"))[_UPDATES]
                rows.append(row)
    if not rows:
        raise UserError(f"{folder}: no results; make paper SEED=0 makes them")
    return pd.DataFrame(rows)


def run_of_all(folder: Path) -> dict[str, Any]:
    """The facts of all runs: commits, mean wall time of whole runs; command, versions, machine of one."""
    whole, of_stages = (
        [read_json(path) for path in _found(folder, *(f"*/{pattern}" for pattern in patterns))]
        for patterns in ((RUN_FILES,), STAGE_RUN_FILES)
    )
    times = [run["wall_time_seconds"] for run in whole if run["wall_time_seconds"] is not None]
    one = (whole or of_stages)[-1]
    return {
        "command": re.sub(r"run \d+ --variant \w+", "run SEED --variant VARIANT", one["command"]),
        "commits": sorted({run["commit"] for run in whole + of_stages}),
        "wall_time_seconds": round(sum(times) / len(times), 1) if times else None,
        **{fact: one[fact] for fact in ("profile", "versions", "machine")},
    }


def _found(folder: Path, *patterns: str) -> list[Path]:
    return sorted(path for pattern in patterns for path in folder.glob(pattern))


def summary(results: pd.DataFrame, run: dict[str, Any]) -> dict[str, Any]:
    """{run: …, <variant>: {<method>: {test_accuracy, test_accuracy_std, …, seeds}, mechanisms: {…}}}.

    Accuracies are means over seeds with sample standard deviations (None for one seed). Some scores of the
    mechanisms are those of the worst seed.
    """
    found: dict[str, Any] = {"run": run}
    for (variant, name), rows in results.groupby(["variant", "name"], sort=False):
        values: dict[str, Any] = {}
        if name == "mechanisms":
            for measure in MECHANISMS:
                values[measure] = round(float(rows[measure].agg(_WORST.get(measure, "mean"))), 4)
            values["healthy_classes"] = int(values["healthy_classes"])
        else:
            for measure in ("test_accuracy", "train_accuracy"):
                values[measure] = round(float(rows[measure].mean()), 2)
                spread = float(rows[measure].std()) if len(rows) > 1 else None
                values[f"{measure}_std"] = None if spread is None else round(spread, 2)
            values["updates"] = int(rows["updates"].iloc[0])
        values["seeds"] = len(rows)
        found.setdefault(str(variant), {})[str(name)] = values
    return found


def markdown(found: dict[str, Any]) -> str:
    """The summary as a markdown table, with cells "mean ± deviation [seeds] (paper mark, difference)"."""
    rows = []
    for method, label in METHOD_TITLES.items():
        cells = [_cell(method, variant, found.get(variant, {}).get(method)) for variant in VARIANT_TITLES]
        rows.append([label, *cells])
    health = [found.get(variant, {}).get("mechanisms") for variant in VARIANT_TITLES]
    rows.append(["Healthy classes, worst seed", *(str(h["healthy_classes"]) if h else NONE for h in health)])
    table = pd.DataFrame(rows, columns=["test accuracy (%)", *VARIANT_TITLES.values()])
    run = found["run"]
    versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items())
    machine, commits = run["machine"], ", ".join(_short(commit) for commit in run["commits"])
    return "\n".join([
        "# MNIST at the paper's sizes",
        "",
        f"`{run['command']}`, commits {commits}; {versions}; {machine['processor']}, {machine['cores']}"
        f" cores, {machine['memory_gib']} GiB; {duration(run['wall_time_seconds'])} a seed and variant.",
        "",
        table.to_markdown(index=False),
        "",
        "Mean ± standard deviation over seeds [their number] (the paper's value and its mark, difference:"
        f" {MINUS} is worse). {NONE}: no result yet.",
        "",
        *([footnote, ""] if (footnote := unverified_values(["test"])) else []),
        updates_line(found),
        "",
        *(_of_random_cues(found) if "random_cues" in found else []),
        *(_released(found["released"]) if "released" in found else []),
    ])  # fmt: skip


def updates_line(found: Mapping[str, Any]) -> str:
    """The line about the length of the trainings, which names those that are shorter."""
    lengths = {
        (method, variant): found[variant][method]["updates"]
        for method in METHOD_TITLES
        for variant in VARIANT_TITLES
        if method in found.get(variant, {})
    }
    most = max(lengths.values())
    shorter: dict[tuple[str, int], list[str]] = {}
    for (method, variant), updates in lengths.items():
        if updates < most:
            shorter.setdefault((METHOD_TITLES[method], updates), []).append(VARIANT_TITLES[variant])
    others = "; ".join(
        f"{method} ({updates:,}{'' if len(of) == len(VARIANT_TITLES) else ' on ' + ', '.join(of)})"
        for (method, updates), of in shorter.items()
    )
    rule = f"Every method is to have {most:,} updates of at least 32 images"
    return f"{rule}. Older results, to be run again, have fewer: {others}." if others else f"{rule}."


def _of_random_cues(found: dict[str, Any]) -> list[str]:
    """The lines about the second rule of selection."""
    other = found["random_cues"]
    rows = [
        [
            label,
            *(
                _cell(method, of, other.get(of, {}).get(method) or found.get(of, {}).get(method))
                for of in VARIANT_TITLES
            ),
        ]
        for method, label in METHOD_TITLES.items()
    ]
    return [
        "## Settings selected by digits under random cues",
        "",
        f"`{other['run']['command']}`, commits {', '.join(_short(one) for one in other['run']['commits'])}.",
        "",
        pd.DataFrame(rows, columns=["test accuracy (%)", *VARIANT_TITLES.values()]).to_markdown(index=False),
        "",
        "The oracle selection of DomainBed: settings had the highest accuracy on validation digits with"
        " random cues. Methods for which this rule selects the same settings as the training environments"
        " have the results of the first table.",
        "",
    ]


def _released(found: dict[str, Any]) -> list[str]:
    """The lines about the released protocol, whose summary is `found`."""
    rows = [
        [METHOD_TITLES[method], *(_cell(method, of, found.get(of, {}).get(method)) for of in VARIANT_TITLES)]
        for method in _OF_RELEASED
    ]
    table = pd.DataFrame(rows, columns=["accuracy (%)", *VARIANT_TITLES.values()])
    run = found["run"]
    return [
        "## The released protocol",
        "",
        f"`{run['command']}`, commits {', '.join(_short(commit) for commit in run['commits'])}.",
        "",
        table.to_markdown(index=False),
        "",
        "The classifier and the schedule of the paper's released code, its colours that walk, and its test"
        " set: MNIST's training digits 50,000 to 60,000 with random cues. Settings were chosen on these"
        " digits, so the table does not compare with the one above, which has MNIST's test digits; it"
        " compares with the paper's values.",
        "",
    ]


def _short(commit: str) -> str:
    """The first eight of a commit's 40 digits, and "-dirty" if that follows."""
    return commit[:8] + commit[40:]


def _cell(method: str, variant: str, values: dict[str, Any] | None) -> str:
    if values is None:
        return NONE
    ours, spread = values["test_accuracy"], values["test_accuracy_std"]
    text = f"{ours:.1f}" + ("" if spread is None else f" ± {spread:.1f}") + f" [{values['seeds']}]"
    known = paper_value(method, variant, "test")
    if known is None:
        return text
    return f"{text} ({beside(ours, known)})" if known.verified else f"{text} {FOOTNOTE}"
