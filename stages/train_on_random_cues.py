"""Stage `train_on_random_cues`: the oracle of one variant."""

from functools import partial
from typing import Any

from stages.command import run
from stages.methods import method_sections
from stages.on_digits import Draw, train
from stages.run import StageRun


def main(variant: str) -> None:
    """Train the oracle on the digits of VARIANT with new random cues in every pass."""
    stage, methods = StageRun("train_on_random_cues"), method_sections(variant, "random_cues")

    from cgn.methods.building import on_random_cues

    def build(method: str, params: Any, draw: Draw, count: int, task: Any) -> Any:
        return on_random_cues(method, params, partial(draw, 0.0), count, task)

    train(stage, variant, methods, build)


if __name__ == "__main__":
    run(main)
