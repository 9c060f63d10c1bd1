"""reports/index.html: one page that needs no network. Pictures are files beside it, in two folders."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from cgn.report.graph import graph_svg
from cgn.report.imagenet import Table
from cgn.report.names import METHOD_MEANINGS, METHODS, VARIANTS
from cgn.report.paper_values import MARKS, TABLE_2, paper_value
from cgn.report.run_facts import duration
from cgn.report.scores import ClassifierScore, MechanismScore
from cgn.report.tables import signed


class CausalModel(NamedTuple):
    """One structural causal model as the page shows it."""

    name: str
    equations: Sequence[str]
    edges: Sequence[tuple[str, str]]
    captions: Mapping[str, str]  # symbol -> the mechanism's name


def render_page(
    classifiers: Mapping[str, Mapping[str, ClassifierScore]],
    mechanisms: Mapping[str, MechanismScore],
    table_2: pd.DataFrame,
    imagenet_tables: Sequence[Table],
    imagenet_sheets: Sequence[str],
    causal_models: Sequence[CausalModel],
    run: Mapping[str, Any],
    sizes: str,
    of_photos: bool,
) -> str:
    """The page as HTML text.

    `classifiers` {variant: {method: score}}, `mechanisms` {variant: score}; `table_2` from
    `cgn.report.tables.table_2`; `imagenet_sheets`: the files of one class each in imagenet_sheets/,
    mechanisms_<label>_<class>.png; `run` from `run_facts`, `sizes` from `sizes_sentence`. `of_photos`: the
    ImageNet branch saw photos in place of emojis.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["signed"] = signed
    cells = {(row["method"], row["variant"], row["split"]): _cell(row) for _, row in table_2.iterrows()}
    return environment.get_template("page.html.j2").render(
        variants=VARIANTS,
        methods=METHODS,
        meanings=METHOD_MEANINGS,
        not_in_paper=[method for method in METHODS if method not in TABLE_2],
        marks=MARKS,
        sizes=sizes,
        headlines=[headline(variant, classifiers[variant]) for variant in VARIANTS],
        cells=cells,
        mechanisms=mechanisms,
        imagenet_tables=imagenet_tables,
        imagenet_sheets=[(f"imagenet_sheets/{name}", _class_of(name)) for name in imagenet_sheets],
        of_photos=of_photos,
        graphs=[
            (model, Markup(graph_svg(model.edges, f"Causal graph: {model.name}", model.captions)))
            for model in causal_models
        ],
        facts=_facts(run),
    )


def _class_of(sheet: str) -> str:
    return Path(sheet).stem.split("_", 2)[2].replace("_", " ")


def headline(variant: str, scores: Mapping[str, ClassifierScore]) -> dict[str, Any]:
    """Test accuracies of one variant: the shortcut's victim, the paper's method, the upper bound."""
    paper = [paper_value(method, variant, "test") for method in ("original", "cgn")]
    return {
        "variant": VARIANTS[variant],
        "bars": [
            (method, METHODS[method], scores[method].test_accuracy)
            for method in ("original", "cgn", "cgn_abduction", "oracle")
        ],
        "gain": scores["cgn"].test_accuracy - scores["original"].test_accuracy,
        # Empty for a variant that the paper does not have.
        "paper": [value.accuracy for value in paper if value is not None],
    }


def _cell(row: "pd.Series[Any]") -> dict[str, Any]:
    known = not np.isnan(row["paper"])
    side = "" if not known or abs(row["difference"]) < 0.05 else "above" if row["difference"] > 0 else "below"
    return {name: row[name] for name in ("ours", "paper", "mark", "difference")} | {
        "known": known,
        "side": side,
    }


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
