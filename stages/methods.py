"""Shared by the stages that train classifiers on a variant: the methods' parameters, and their runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stages.command import section
from stages.run import StageRun


def method_sections(variant: str, data: str) -> dict[str, Any]:
    """The parameters of the methods that are trained on this kind of data; None if a method has none."""
    from cgn.methods.registry import methods_on

    rows = methods_on(data)  # type: ignore[arg-type]
    return {
        name: section(f"methods.{row.section}").of(variant) if row.section else None
        for name, row in rows.items()
    }


def run_of(
    stage: StageRun, variant: str, method: str, ready: Any, depends_on: Sequence[Any], inputs: Sequence[Path]
) -> Any:
    """The run of a method for `train_and_save`; `ready` is a `cgn.methods.building.Ready`."""
    from cgn.methods.training import Run

    checkpoint = stage.checkpoint(f"{variant}-{method}", [*depends_on, method], inputs)
    folder = Path(f"models/mnist/classifiers/{variant}/{method}")
    return Run(folder, ready.algorithm, ready.source, checkpoint, f"{method} on {variant}")
