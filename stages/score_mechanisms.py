"""Stage `score_mechanisms`: are the masks of one variant's CGN digits, whole and varied?"""

import logging
from pathlib import Path

from stages.command import run, section

_log = logging.getLogger(__name__)


def main(variant: str) -> None:
    """Score the shape mechanism of VARIANT with the digit classifier."""
    seed = section("seed")
    section("threads")
    params = section("mnist.mechanism_score")
    threshold = section("mnist.variants.double_colored_mnist.binarize_threshold")

    import numpy as np
    import torch

    from cgn.arrays import read_arrays
    from cgn.classifiers.trained import load_classifier
    from cgn.evaluation.accuracy import accuracy, predict
    from cgn.evaluation.mechanism_quality import as_digit_images, mechanism_quality
    from cgn.files import write_json
    from cgn.mnist.generators import load_cgn
    from cgn.mnist.masks import real_masks
    from cgn.seeding import indexed_normals

    digits = read_arrays(Path("data/mnist/digits.safetensors"))
    reader = load_classifier(Path("models/mnist/digit_classifier"), channels=1)
    cgn = load_cgn(Path(f"models/mnist/cgn/{variant}"))

    # The digit classifier's own accuracy, on digits it has not seen.
    test_masks = real_masks(digits["test_images"], threshold).astype(np.float32)
    reader_accuracy = accuracy(predict(reader, as_digit_images(test_masks)), digits["test_labels"])

    # As many masks and as many real digits of each class.
    count, masks, real = params.masks_per_class, [], []
    for digit in range(10):
        noise = indexed_normals(seed, f"mechanism_score/{variant}/{digit}", 0, count, cgn.noise_dimensions)
        with torch.no_grad():
            drawn = cgn.masks(torch.full((count,), digit), torch.from_numpy(noise))
        masks.append(drawn[:, 0].numpy())
        real.append(test_masks[digits["test_labels"] == digit][:count])
    scores = mechanism_quality(np.stack(masks), real, reader, params.read_share)
    output = Path(f"scores/mnist/{variant}/mechanisms.json")
    write_json(output, {**scores, "digit_classifier_accuracy": reader_accuracy})
    healthy = scores["healthy_classes"]
    _log.info("%s: %s of 10 classes healthy; digit classifier %.1f %%; scores are in %s", variant, healthy,
              reader_accuracy, output)  # fmt: skip


if __name__ == "__main__":
    run(main)
