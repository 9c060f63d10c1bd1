"""Stage `train_on_environments`: the classifiers that are trained on several environments of one variant."""

from typing import Any

from stages.command import run
from stages.methods import method_sections
from stages.on_digits import Draw, train
from stages.run import StageRun


def main(variant: str) -> None:
    """Train irm_2, irm_5 and group_dro on environments of VARIANT, whose cues correlate differently."""
    stage, methods = StageRun("train_on_environments"), method_sections(variant, "environments")

    from cgn.methods.building import on_environments

    def build(method: str, params: Any, draw: Draw, _count: int, task: Any) -> Any:
        correlations = enumerate(params.correlations(method))
        environments = [draw(correlation, number) for number, correlation in correlations]
        return on_environments(method, params, environments, task)

    train(stage, variant, methods, build)


if __name__ == "__main__":
    run(main)
