"""Stage `score_imagenet_cgn`: Inception Score and mask scores of the CGN, its ablations and the BigGAN."""

import logging
from pathlib import Path

from cgn.errors import UserError
from stages.command import run, section

MODELS = Path("models/imagenet")
OUTPUT = Path("scores/imagenet/cgn.json")

log = logging.getLogger(__name__)


def main() -> None:
    """Score the CGN, its ablations and the BigGAN on images of the same noise and classes."""
    seed, device = section("seed"), section("device")
    section("threads")
    params = section("imagenet.cgn_score")
    images, asset = section("budgets.score_imagenet_cgn").images, section("assets.inception")
    if images < params.splits:
        raise UserError(f"imagenet.cgn_score.splits: {params.splits} parts of {images} images, the budget's")

    from tqdm import tqdm

    from cgn.evaluation.cgn_scores import cgn_scores, gan_scores, load_judges
    from cgn.generators.imagenet.losses import ABLATIONS
    from cgn.generators.imagenet.mechanisms import load_cgn
    from cgn.generators.pretraining.stored import load_cgan
    from cgn.io.assets import local_file
    from cgn.io.files import write_json
    from cgn.training.device import torch_device

    place, pretrained = torch_device(device), MODELS / "pretrained"
    inception = local_file(asset) if params.network == "inception" else None
    cgan, (judge, judges) = load_cgan(pretrained).to(place), load_judges(MODELS, place, inception)

    def scores(folder: Path) -> dict[str, float]:
        return cgn_scores(load_cgn(folder, pretrained).to(place), cgan, judges, params, images, seed)

    how = {"images": images, "splits": params.splits, "truncation": params.truncation, "network": judge}
    full = scores(MODELS / "cgn/all") | how
    names = tqdm(ABLATIONS, desc="scores", unit="ablation")
    rows = {ablation: scores(MODELS / "ablation" / ablation) for ablation in names}
    rows["biggan"] = gan_scores(cgan, judges, params, images, seed)
    write_json(OUTPUT, {"cgn": full, "ablation": rows})
    log.info("Inception Score %.2f; the scores are in %s", full["inception_score"], OUTPUT)


if __name__ == "__main__":
    run(main, in_ranks=True)
