"""Stage `train_cgn`: the counterfactual generative network of one variant."""

import logging
from pathlib import Path

from stages.command import run, section
from stages.run import StageRun

log = logging.getLogger(__name__)


def main(variant: str) -> None:
    """Train the mechanisms of VARIANT on its biased training images; write weights, history and snapshots."""
    stage = StageRun("train_cgn")
    params, adversarial = section("mnist.cgn").of(variant), section("mnist.adversarial")
    budget = section("budgets.train_cgn")

    from cgn.generators.mnist.training import train_cgn
    from cgn.io.arrays import read_arrays

    source, folder = Path(f"data/mnist/variants/{variant}.safetensors"), Path(f"models/mnist/cgn/{variant}")
    arrays = read_arrays(source)
    log.info("training the CGN of %s: %d steps of %d images", variant, budget.steps, budget.batch)
    with stage.output(folder, variant, [params, adversarial, budget], [source]) as output:
        train_cgn(
            output.folder, arrays["train_images"], arrays["train_labels"], params, adversarial, budget,
            stage.seed, output.checkpoint, stage.device,
        )  # fmt: skip


if __name__ == "__main__":
    run(main)
