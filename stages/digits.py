"""Stage `digits`: the real digits and their splits."""

import logging
from pathlib import Path

from stages.command import run, section

OUTPUT = Path("data/mnist/digits.safetensors")

log = logging.getLogger(__name__)


def main() -> None:
    """Write the digits of the chosen source, split into train, validation and test."""
    seed = section("seed")
    budget = section("budgets.digits")

    from cgn.data.mnist.digits import load_digits
    from cgn.io.arrays import write_arrays

    digits = load_digits(budget, seed)
    write_arrays(OUTPUT, {**digits})
    counts = ", ".join(f"{len(array)} {key}" for key, array in digits.items() if key.endswith("images"))
    log.info("%s from %s are in %s", counts.replace("_", " "), budget.source, OUTPUT)


if __name__ == "__main__":
    run(main)
