"""Stage `score_imagenet_cgn`: Inception Score and masks of the CGN, of its ablations and of the BigGAN."""

import logging
from pathlib import Path

from cgn.errors import UserError
from stages.command import run, section

PRETRAINED = Path("models/imagenet/pretrained")
CGN = Path("models/imagenet/cgn/all")
ABLATIONS_FOLDER = Path("models/imagenet/ablation")
CLASSIFIERS = Path("models/imagenet/classifiers")
# The oracle knows the classes by shape alone, what a composite should keep; a world of photos has none.
JUDGES = ("oracle", "in")
OUTPUT = Path("scores/imagenet/cgn.json")

_log = logging.getLogger(__name__)


def main() -> None:
    """Score all of them on images of the same noise and classes."""
    seed, device = section("seed"), section("device")
    section("threads")
    params = section("imagenet.cgn_score")
    images = section("budgets.score_imagenet_cgn").images
    if images < params.splits:
        raise UserError(f"imagenet.cgn_score.splits: {params.splits} parts of {images} images, the budget's")

    from tqdm import tqdm

    from cgn.data.left_out import why_left_out
    from cgn.evaluation.cgn_scores import Judges, cgn_scores, gan_scores
    from cgn.generators.imagenet.ablation import ABLATIONS
    from cgn.generators.imagenet.stored import load_cgn
    from cgn.generators.pretraining.stored import load_cgan, load_segmenter, world_resolution
    from cgn.io.files import write_json
    from cgn.networks.small_resnet import load_small_resnet
    from cgn.training.device import torch_device

    place = torch_device(device)
    cgan, segmenter = load_cgan(PRETRAINED).to(place), load_segmenter(PRETRAINED)
    judge = next(name for name in JUDGES if not why_left_out(CLASSIFIERS / name))
    classifier = load_small_resnet(CLASSIFIERS / judge).to(place)
    judges = Judges(classifier, segmenter and segmenter.to(place), world_resolution(PRETRAINED))
    how = {"images": images, "splits": params.splits, "truncation": params.truncation, "network": judge}
    full = cgn_scores(load_cgn(CGN, PRETRAINED).to(place), cgan, judges, params, images, seed) | how
    rows = {}
    for ablation in tqdm(ABLATIONS, desc="scores", unit="ablation"):
        cgn = load_cgn(ABLATIONS_FOLDER / ablation, PRETRAINED).to(place)
        rows[ablation] = cgn_scores(cgn, cgan, judges, params, images, seed)
    rows["biggan"] = gan_scores(cgan, judges, params, images, seed)
    write_json(OUTPUT, {"cgn": full, "ablation": rows})
    _log.info("Inception Score %.2f; the scores are in %s", full["inception_score"], OUTPUT)


if __name__ == "__main__":
    run(main)
