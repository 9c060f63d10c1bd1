"""Stage `imagenet_factors`: masks and backgrounds of the world's own images, by abduction."""

import logging
from pathlib import Path

from stages.command import run, section

WORLD = Path("data/imagenet/world")
PRETRAINED = Path("models/imagenet/pretrained")
OUTPUT = Path("data/imagenet/factors")
SCORES = Path("scores/imagenet/factors.json")

REASON = "images of this world are not in memory; take those you want as the world folder"

log = logging.getLogger(__name__)


def main() -> None:
    """Segment the images of every split, remove their objects, and tell which masks are usable."""
    device, params = section("device"), section("imagenet.abduction.factors")

    from cgn.generators.photos.factors import abduct, factor_scores, masks_of_world, write_factors
    from cgn.generators.pretraining.stored import load_saliency
    from cgn.io.arrays import read_arrays
    from cgn.io.files import atomic_folder, leave_out, write_json
    from cgn.training.device import torch_device

    if not any(WORLD.glob("*.safetensors")):
        leave_out(OUTPUT, REASON)
        write_json(SCORES, {})
        return
    saliency, scores = load_saliency(PRETRAINED), {}
    with atomic_folder(OUTPUT) as folder:
        for path in sorted(WORLD.glob("*.safetensors")):
            arrays = read_arrays(path)
            masks = masks_of_world(WORLD, path.stem, arrays["images"], saliency, torch_device(device))
            found = abduct(arrays["images"], masks, params)
            write_factors(folder / path.name, found)
            scores[path.stem] = factor_scores(found, arrays.get("masks"))
            log.info("%s: %s", path.stem, scores[path.stem])
    write_json(SCORES, scores)


if __name__ == "__main__":
    run(main)
