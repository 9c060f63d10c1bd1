"""The page of a run of `experiments.imagenet`: Tables 1, 3 and 4 beside the paper's values."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from cgn.report.ablation import table_1, table_1_side_by_side
from cgn.report.imagenet import side_by_side, table_3, table_4
from cgn.report.imagenet_scores import (
    CLASSIFIERS,
    ImageNetScores,
    MechanismScores,
    PhotoAccuracy,
    ShapeBias,
    TopAccuracy,
)

# Of a row whose accuracy was not asked for; tables have a dash for it.
_UNKNOWN = PhotoAccuracy.model_construct(test_images=TopAccuracy.model_construct(top1=None, top5=None))


class _Scores(ImageNetScores):
    """Those of a part of the stages."""

    @property
    def methods(self) -> list[str]:
        """The rows of the run, which are not those of a world of photos."""
        return list(self.accuracy)


def page(run: Mapping[str, Any], scores: Mapping[str, Any]) -> str:
    """The facts of a `run` and the tables of those `scores` that it has, by the name of their file."""
    name = f"preset {run['preset']}, seed {run['seed']}"
    changed = f", changed by `{run['changes']}`" if run["changes"] else ""
    facts = f"Commit {run['commit']}, {name}{changed}. In brackets the paper's value."
    return "\n\n".join([f"# ImageNet, {name}", facts, *_tables(scores)]) + "\n"


def _tables(found: Mapping[str, Any]) -> Iterator[str]:
    if "cgn" in found:
        of_cgn = MechanismScores.model_validate(found["cgn"])
        yield "## Table 1: loss ablation"
        yield f"Inception Score: of the network `{of_cgn.cgn.network}` (the paper: Inception)."
        yield _text(table_1_side_by_side(table_1(of_cgn.ablation)))
    scores = _of_classifiers(found)
    if {"accuracy", "cue_conflict"} & set(found):
        yield "## Table 3: texture against shape"
        yield _text(side_by_side(table_3(scores).drop(columns="top1_held_out_glyphs")))
    if "in9" in found:
        yield "## Table 4: IN-9 and the background gap"
        yield _text(side_by_side(table_4(scores)))


def _of_classifiers(found: Mapping[str, Any]) -> _Scores:
    accuracy, in9, conflict = (found.get(name, {}) for name in ("accuracy", "in9", "cue_conflict"))
    rows = [row for row in CLASSIFIERS if row in {*accuracy, *in9, *conflict}]
    return _Scores.model_construct(
        accuracy={
            row: PhotoAccuracy.model_validate(accuracy[row]) if row in accuracy else _UNKNOWN for row in rows
        },
        cue_conflict={row: ShapeBias.model_validate(score) for row, score in conflict.items()},
        in9=in9,
        in9_random_surfaces={},
    )


def _text(table: pd.DataFrame) -> str:
    return table.to_markdown(index=False, disable_numparse=True)
