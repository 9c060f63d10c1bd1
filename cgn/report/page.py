"""Renders reports/index.html, one file that needs no network: pictures, data and script are inside."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

import pandas as pd
from markupsafe import Markup

from cgn.report.further import Further
from cgn.report.glance import VARIANT as GLANCE_OF
from cgn.report.graph import graph_svg
from cgn.report.imagenet import Table
from cgn.report.names import METHOD_MEANINGS, METHOD_TITLES, VARIANT_TITLES
from cgn.report.page_data import Picture
from cgn.report.paper_runs import updates_line
from cgn.report.paper_values import MARKS, TABLE_2, paper_value, unverified_values
from cgn.report.run_facts import duration
from cgn.report.scores import ClassifierScore, MechanismScore
from cgn.report.template import page_environment


class CausalModel(NamedTuple):
    """A structural causal model, as shown on the page."""

    name: str
    equations: Sequence[str]
    edges: Sequence[tuple[str, str]]
    captions: Mapping[str, str]  # symbol -> name of the mechanism


class Accuracy(NamedTuple):
    """An accuracy in percent, of one run, or the mean and standard deviation over seeds."""

    mean: float
    spread: float | None = None
    seeds: int = 1

    def __str__(self) -> str:
        return f"{self.mean:.1f}" + ("" if self.spread is None else f" ± {self.spread:.1f}")


INTERVENTION = len("do(Y1 := instrument)")  # room for the longest in a graph


def render_page(
    classifiers: Mapping[str, Mapping[str, ClassifierScore]],
    mechanisms: Mapping[str, MechanismScore],
    table_2: pd.DataFrame,
    imagenet_tables: Sequence[Table],
    pictures: Mapping[str, Sequence[Picture]],
    class_sheets: Sequence[tuple[str, str]],
    data: Mapping[str, Any],
    causal_models: Sequence[CausalModel],
    run: Mapping[str, Any],
    sizes: str,
    of_photos: bool,
    paper_runs: Mapping[str, Any],
    further: Further,
) -> str:
    """The page as HTML text.

    `classifiers` is {variant: {method: score}}, `mechanisms` {variant: score}. `table_2` is from
    `cgn.report.tables.table_2`, `run` from `run_facts`, `sizes` from `sizes_sentence`. `pictures` are those
    of each sheet in figures/, by its name without the suffix, and of each file in imagenet_sheets/.
    `class_sheets` are files in imagenet_sheets/ and the names of their classes. `data` is what the script
    shows: `worlds`, `charts` and `confusion` (see `cgn.report.page_data`). `of_photos` tells that the
    ImageNet branch has photos in place of emojis. `paper_runs` is from
    `cgn.report.paper_runs.summary`; if empty, the page shows this run only.
    """
    at_paper_sizes = {variant: _of_paper_runs(paper_runs.get(variant, {})) for variant in VARIANT_TITLES}
    headlines = [
        headline(variant, at_paper_sizes[variant], "At the paper’s sizes")
        if at_paper_sizes[variant]
        else headline(variant, _of_this_run(classifiers[variant]), "This run")
        for variant in VARIANT_TITLES
    ]
    paper_cells = {
        (method, variant): _cell(accuracies[method], method, variant) if method in accuracies else None
        for variant, accuracies in at_paper_sizes.items()
        for method in METHOD_TITLES
    }
    cells = {
        (row["method"], row["variant"], row["split"]): _cell(
            Accuracy(row["ours"]), row["method"], row["variant"], row["split"]
        )
        for _, row in table_2.iterrows()
    }
    return (
        page_environment()
        .get_template("page.html.j2")
        .render(
            variants=VARIANT_TITLES,
            glance_of=GLANCE_OF,
            methods=METHOD_TITLES,
            meanings=METHOD_MEANINGS,
            not_in_paper=[method for method in METHOD_TITLES if method not in TABLE_2],
            marks={mark: meaning for mark, meaning in MARKS.items() if mark != "U"},
            footnote=unverified_values(),
            test_footnote=unverified_values(["test"]),
            updates=updates_line(paper_runs) if paper_runs else "",
            sizes=sizes,
            headlines=headlines,
            winners=winners(at_paper_sizes)
            or winners({of: _of_this_run(classifiers[of]) for of in VARIANT_TITLES}),
            paper_cells=paper_cells if any(paper_cells.values()) else None,
            cells=cells,
            mechanisms=mechanisms,
            imagenet_tables=imagenet_tables,
            pictures=pictures,
            class_sheets=class_sheets,
            data=data,
            of_photos=of_photos,
            graphs=[
                (model, Markup(graph_svg(model.edges, title, model.captions, INTERVENTION)))  # noqa: S704 - escaped there
                for model in causal_models
                for title in [f"Causal graph: {model.name}"]
            ],
            facts=_facts(run),
            further=further,
        )
    )


def headline(variant: str, accuracies: Mapping[str, Accuracy], source: str) -> dict[str, Any]:
    """The headline of one variant: test accuracies of Original, CGN, CGN by abduction and the oracle.

    `accuracies` may lack methods; `source` tells which runs they are from.
    """
    paper = [paper_value(method, variant, "test") for method in ("original", "cgn")]
    known = {"original", "cgn"} <= set(accuracies)
    return {
        "variant": VARIANT_TITLES[variant],
        "source": source,
        "bars": [
            (method, METHOD_TITLES[method], accuracies[method])
            for method in ("original", "cgn", "cgn_abduction", "oracle")
            if method in accuracies
        ],
        "gain": accuracies["cgn"].mean - accuracies["original"].mean if known else None,
        # Empty if the paper does not have the variant.
        "paper": [value.accuracy for value in paper if value is not None and value.verified],
    }


def winners(accuracies: Mapping[str, Mapping[str, Accuracy]]) -> str:
    """Which method is best on which variant, of the paper's and of all; empty if a variant has none.

    `accuracies` is {variant: {method: accuracy}}. The oracle is no method.
    """

    def best(methods: AbstractSet[str]) -> str:
        found: dict[str, list[str]] = {}
        for variant, of in accuracies.items():
            first = max(methods & of.keys(), key=lambda method: of[method].mean)
            found.setdefault(METHOD_TITLES[first], []).append(VARIANT_TITLES[variant])
        if len(found) == 1:
            return f"{next(iter(found))} on all variants"
        return ", ".join(f"{method} on {' and '.join(variants)}" for method, variants in found.items())

    of_paper = set(TABLE_2)
    if not all(of_paper & of.keys() for of in accuracies.values()):
        return ""
    of_all = METHOD_TITLES.keys() - {"oracle"}
    return f"Of the paper’s methods the best is {best(of_paper)}; of all it is {best(of_all)}."


def _of_paper_runs(found: Mapping[str, Any]) -> dict[str, Accuracy]:
    """The test accuracies of one variant by method, for methods with results."""
    return {
        method: Accuracy(values["test_accuracy"], values["test_accuracy_std"], values["seeds"])
        for method, values in found.items()
        if method in METHOD_TITLES
    }


def _of_this_run(scores: Mapping[str, ClassifierScore]) -> dict[str, Accuracy]:
    return {method: Accuracy(score.test_accuracy) for method, score in scores.items()}


def _cell(ours: Accuracy, method: str, variant: str, split: str = "test") -> dict[str, Any]:
    """Our accuracy, the paper's value or None, and the difference, None if the value is not verified."""
    paper = paper_value(method, variant, split)
    difference = round(ours.mean, 1) - paper.accuracy if paper and paper.verified else None
    return {"ours": ours, "paper": paper, "difference": difference}


def _facts(run: Mapping[str, Any]) -> list[tuple[str, str]]:
    machine = run["machine"]
    memory = f", {machine['memory_gib']} GiB" if machine["memory_gib"] else ""
    versions = ", ".join(f"{name} {number or 'not installed'}" for name, number in run["versions"].items())
    return [
        ("Profile", str(run["profile"])),
        ("Seed", str(run["seed"])),
        ("Time of all stages", duration(run["wall_time_seconds"])),
        ("Machine", f"{machine['processor']}, {machine['cores']} cores{memory}"),
        ("Versions", versions),
    ]
