"""The means over seeds of the emoji world: the metrics, Tables 1, 3 and 4 with spread, the ablations."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean, stdev
from typing import Any

import pandas as pd

from cgn.report.ablation import DECIMALS, EXPECTED, PAPER, ROWS, TITLES, table_1
from cgn.report.imagenet import table_3, table_4
from cgn.report.imagenet_scores import CLASSIFIERS, ImageNetScores, parse_scores
from cgn.report.tables import NONE
from experiments.experiment import without_seed_and_threads
from experiments.study_results import mean_and_deviation, over_seeds

Results = Mapping[int, dict[str, Any]]  # what a run has kept, by seed

FIXED = (
    "A seed draws the world with its test sets, and every training. The pre-trained networks (BigGAN, U2-Net,"
    " VGG, and the segmenter that judges masks) are those of weights/emoji for all seeds, so their own spread"
    " is not in these numbers."
)
# Rows of the ensemble, and the columns of the ablations' table: title, decimals.
HEADS = ("ensemble", "shape", "texture", "background")
MEASURES = {
    "top1": ("top-1", 1),
    "random_cues": ("top-1, random cues (validation)", 1),
    "mixed_rand": ("Mixed-Rand", 1),
    "bg_gap": ("BG-Gap", 1),
    "random_bg_gap": ("BG-Gap, random surfaces", 1),
    "shape_bias": ("shape bias", 1),
    "shape_head_bg_gap": ("BG-Gap, shape head", 1),
    "shape_head_bias": ("shape bias, shape head", 1),
    "inception_score": ("Inception Score", 2),
    "mask_iou": ("mask IoU", 2),
    "background_residue": ("background residue (%)", 1),
}
_SUMMARY = {"original": "IN-9", "mixed_same": "Mixed-Same", "mixed_rand": "Mixed-Rand", "bg_gap": "BG-Gap"}


def scores_of(seeds: Results) -> dict[int, ImageNetScores]:
    """The scores of each seed. Raises UserError when some are missing."""
    return {seed: parse_scores(kept["scores"], f"seed {seed}") for seed, kept in seeds.items()}


def seeds_metrics(seeds: Results) -> dict[str, Any]:
    """The means over seeds, with the keys of `imagenet` in reports/metrics.json and `_std` beside each."""
    found = [scores.metrics() for scores in scores_of(seeds).values()]
    means: dict[str, Any] = _means(found)
    return {"seeds": len(found), "run": run_of_all(seeds)} | means


def run_of_all(results: Results) -> dict[str, Any]:
    """The numbers of the seeds, and profile, commits and the command that makes all."""
    runs = [kept["run"] for kept in results.values()]
    settings = without_seed_and_threads(next(iter(results.values()))["settings"])
    words = ["seed", *map(str, sorted(results)), *(f"-S {setting}" for setting in settings)]
    return {
        "profile": runs[0]["profile"],
        "seeds": sorted(results),
        "commits": sorted({run["commit"] for run in runs}),
        "command": f"python -m experiments.emoji {' '.join(words)}",
    }


def _means(values: Sequence[Any]) -> Any:
    """Means and sample deviations of numbers in equal structures; other values and equal counts stay."""
    if not isinstance(values[0], dict):
        return values[0]
    found: dict[str, Any] = {}
    for key in values[0]:
        own = [value[key] for value in values]
        numbers = [one for one in own if isinstance(one, int | float)]
        if isinstance(own[0], dict | str) or not numbers:
            found[key] = _means(own)
        else:
            equal = isinstance(own[0], int) and len(set(own)) == 1
            found[key] = own[0] if equal else round(fmean(numbers), 4)
            found[f"{key}_std"] = round(stdev(numbers), 4) if len(numbers) > 1 else None
    return found


def seeds_page(seeds: Results) -> str:
    """Tables 1, 3 and 4 with means and deviations, and what the seeds say of each loss."""
    scores, run = scores_of(seeds), run_of_all(seeds)
    of_cgn = [one.cgn.ablation for one in scores.values()]
    parts = [
        "# The ImageNet branch on the emoji world, over seeds",
        f"`{run['command']}`, profile {run['profile']}, seeds {', '.join(map(str, run['seeds']))}, commits"
        f" {', '.join(run['commits'])}. Mean ± standard deviation over seeds (in brackets the"
        f" paper's value, on ImageNet). {FIXED}",
        _summary(list(scores.values())),
        "## Table 1: loss ablation",
        _table_1([table_1(one) for one in of_cgn]),
        "Changes are paired by seed, with intervals of 95 % (Student's):",
        "\n".join(f"- {sentence}" for sentence in verdicts(of_cgn)),
        "## Table 3: texture against shape",
        _classifiers([table_3(one) for one in scores.values()]),
        "## Table 4: IN-9 and the background gap",
        _classifiers([table_4(one) for one in scores.values()]),
    ]
    return "\n\n".join(parts) + "\n"


def verdicts(scores: Sequence[Mapping[str, Any]]) -> list[str]:
    """One sentence for each loss of Table 1: whether its removal changes its figure in the paper's direction.

    `scores` are the rows of Table 1 of each seed. A change counts if 0 is outside of its interval.
    """
    sentences = []
    for name, (figure, sign, effect) in EXPECTED.items():
        decimals = DECIMALS[figure]
        change = over_seeds([getattr(one[name], figure) - getattr(one["all"], figure) for one in scores])
        before = fmean(getattr(one["all"], figure) for one in scores)
        paper = [PAPER[row].get(figure) for row in ("all", name)]
        if change.half is None or abs(change.mean) <= change.half:
            verdict = "no clear change"
        elif change.mean * sign < 0:
            verdict = "the opposite of the paper"
        else:
            verdict = "in the paper's direction"
        in_paper = f", {paper[0]:g} to {paper[1]:g}" if paper[0] and paper[1] else ""
        told = f"{TITLES[figure]} {before:.{decimals}f}, {change.text(decimals)}"
        sentences.append(f"Without {ROWS[name]}: {told}; {verdict} (there: {effect}{in_paper}).")
    return sentences


def _summary(scores: Sequence[ImageNetScores]) -> str:
    """The README's table, in percent."""
    rows = []
    for method, title in CLASSIFIERS.items():
        in9 = {name: [one.in9[method][key] for one in scores] for key, name in _SUMMARY.items()}
        random = {
            f"{_SUMMARY[key]}, random surfaces": [one.in9_random_surfaces[method][key] for one in scores]
            for key in ("mixed_rand", "bg_gap")
        }
        biases = [bias for one in scores if (bias := one.cue_conflict[method].shape_bias) is not None]
        cells = in9 | random | {"shape bias": biases}
        rows.append(
            {"trained on": title}
            | {name: mean_and_deviation(of, counted=False) for name, of in cells.items()}
        )
    return _text(rows)


def _table_1(frames: Sequence[pd.DataFrame]) -> str:
    decimals = {TITLES[figure]: places for figure, places in DECIMALS.items()}
    rows = [
        {"loss switched off": ROWS[name]}
        | {TITLES[figure]: cell for figure, cell in cells.items() if figure in DECIMALS}
        for name, cells in _cells(frames, "off", lambda name: decimals[TITLES[name]])
    ]
    return _text(rows)


def _classifiers(frames: Sequence[pd.DataFrame]) -> str:
    rows = [
        {"trained on": CLASSIFIERS[name]} | {figure.replace("_", " "): cell for figure, cell in cells.items()}
        for name, cells in _cells(frames, "method", lambda name: 1)
    ]
    return _text(rows)


def _cells(frames: Sequence[pd.DataFrame], key: str, decimals: Any) -> Iterator[tuple[str, dict[str, str]]]:
    """Each row's name, and its cells "mean ± deviation", with the paper's value, if any, behind."""
    for row, name in enumerate(frames[0][key]):
        cells = {}
        for column in frames[0].columns:
            if column == key or column.startswith("paper_"):
                continue
            values = [float(frame[column].iloc[row]) for frame in frames]
            known = [value for value in values if not pd.isna(value)]
            paper = frames[0].get(f"paper_{column}", pd.Series([float("nan")] * len(frames[0]))).iloc[row]
            behind = "" if pd.isna(paper) else f" ({paper:g})"
            cells[str(column)] = mean_and_deviation(known, decimals(str(column)), counted=False) + behind
        yield str(name), cells


def measures(scores: Mapping[str, Any], cgn: Mapping[str, float]) -> dict[str, float | None]:
    """The columns of the ablations' table: of the ensemble, and the `cgn` with its masks.

    `scores` are those of the stages by the name of their file.
    """
    top1 = scores["accuracy"]["ensemble"]
    in9, conflict = scores["in9"], scores["cue_conflict"]
    return {
        "top1": top1["test_poses"]["top1"],
        "random_cues": top1["validation_random_cues"]["top1"],
        "mixed_rand": in9["ensemble"]["mixed_rand"],
        "bg_gap": in9["ensemble"]["bg_gap"],
        "random_bg_gap": scores["in9_random_surfaces"]["ensemble"]["bg_gap"],
        "shape_bias": conflict["ensemble"]["shape_bias"],
        "shape_head_bg_gap": in9["shape"]["bg_gap"],
        "shape_head_bias": conflict["shape"]["shape_bias"],
        "inception_score": cgn["inception_score"],
        "mask_iou": cgn["mask_iou"],
        "background_residue": cgn["background_residue"],
    }


def ablation_page(seeds: Results, ablated: Mapping[tuple[str, str], Results]) -> str:
    """The table of ablations: means, and differences to the same seeds with nothing changed.

    `ablated` are results by question and change; `seeds` those with nothing changed.
    """
    plain = {
        seed: measures(kept["scores"], kept["scores"]["cgn"]["cgn"])
        for seed, kept in seeds.items()
        if any(seed in own for own in ablated.values())
    }
    means, differences = [_row("nothing", "–", plain)] if plain else [], []
    for (question, changed), results in ablated.items():
        own = {seed: kept["measures"] for seed, kept in results.items()}
        if own:
            means.append(_row(question, changed, own))
            both = sorted(own.keys() & plain.keys())
            cells = {}
            for measure, (title, decimals) in MEASURES.items():
                values = [
                    after - before
                    for seed in both
                    if (after := own[seed][measure]) is not None
                    and (before := plain[seed][measure]) is not None
                ]
                cells[title] = over_seeds(values).text(decimals) if values else NONE
            differences.append({"what": question, "changed to": changed} | cells)
    runs = [kept["run"] for results in ablated.values() for kept in results.values()]
    profiles, commits = ({run[key] for run in runs} for key in ("profile", "commit"))
    numbers = sorted({seed for results in ablated.values() for seed in results})
    return "\n\n".join([
        "# One setting changed at a time, on the emoji world",
        f"`python -m experiments.emoji ablation`, profile {', '.join(sorted(profiles))}, seeds"
        f" {', '.join(map(str, numbers))}, commits {', '.join(sorted(commits))}. Mean ± standard deviation"
        " over seeds (their number), in percent but for Inception Score and IoU; the columns before the"
        f" Inception Score are of the ensemble on counterfactuals. {FIXED}",
        _text(means),
        "Differences to the same seeds with nothing changed, paired by seed, mean with its interval of 95 %"
        " (Student's):",
        _text(differences),
    ]) + "\n"  # fmt: skip


def _row(question: str, changed: str, own: Mapping[int, Mapping[str, float | None]]) -> dict[str, str]:
    cells = {}
    for measure, (title, decimals) in MEASURES.items():
        values = [value for one in own.values() if (value := one[measure]) is not None]
        cells[title] = mean_and_deviation(values, decimals)
    return {"what": question, "changed to": changed} | cells


def _text(rows: Sequence[Mapping[str, str]]) -> str:
    return pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True)
