"""Stage `train_cgn`: the counterfactual generative network of one variant, trained or fetched."""

import logging
from pathlib import Path

from stages.command import run, section
from stages.run import StageRun

log = logging.getLogger(__name__)


def main(variant: str) -> None:
    """Train the mechanisms of VARIANT on its biased training images; write weights, history and snapshots.

    With the source `released`, the released code's trained ones are fetched instead.
    """
    stage = StageRun("train_cgn")
    params, adversarial = section("mnist.cgn").of(variant), section("mnist.adversarial")
    budget, asset = section("budgets.train_cgn"), section(f"assets.released_{variant}")

    from cgn.generators.mnist.faithful import train_faithful_cgn
    from cgn.generators.mnist.released import load_released_cgn
    from cgn.generators.mnist.training import snapshot, train_cgn, write_trained
    from cgn.io.arrays import read_arrays
    from cgn.io.assets import local_file

    source, folder = Path(f"data/mnist/variants/{variant}.safetensors"), Path(f"models/mnist/cgn/{variant}")
    arrays = read_arrays(source)
    data = arrays["train_images"], arrays["train_labels"]
    log.info("the CGN of %s (%s): %d steps of %d images", variant, params.source, budget.steps, budget.batch)
    with stage.output(folder, variant, [params, adversarial, budget], [source]) as output:
        checkpoint = output.checkpoint
        if params.source == "own":
            train_cgn(output.folder, *data, params, adversarial, budget, stage.seed, checkpoint, stage.device)
        elif params.source == "paper":
            train_faithful_cgn(output.folder, variant, *data, budget, stage.seed, checkpoint, stage.device)
        else:
            cgn = load_released_cgn(local_file(asset))
            shown = [snapshot(cgn, stage.seed)]
            write_trained(output.folder, cgn.state_dict(), cgn.config, [{"step": 0.0}], shown, {0})


if __name__ == "__main__":
    run(main)
