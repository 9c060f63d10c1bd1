"""Stage `textures`: the ten striped and ten veined textures of Wildlife MNIST."""

import logging
from pathlib import Path

from stages.command import run, section

OUTPUT = Path("data/mnist/textures.safetensors")

log = logging.getLogger(__name__)


def main() -> None:
    """Write one foreground and one background texture for each class."""
    seed = section("seed")
    size = section("mnist.variants.wildlife_mnist.texture_size")
    budget = section("budgets.textures")

    from cgn.data.mnist.textures import load_textures
    from cgn.io.arrays import write_arrays
    from cgn.io.files import located
    from cgn.io.image_folders import Skipped

    skipped = Skipped()
    write_arrays(OUTPUT, {**load_textures(budget, size, seed, skipped)})
    skipped.report(located(budget.folder or "."), OUTPUT.with_name("textures_skipped.csv"))
    log.info("ten textures for the digits and ten for the ground, %s, are in %s", budget.source, OUTPUT)


if __name__ == "__main__":
    run(main)
