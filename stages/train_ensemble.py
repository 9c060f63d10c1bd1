"""Stage `train_ensemble`: the three-headed classifier of Tables 3 and 4, on real and generated images."""

from pathlib import Path

from stages.command import SCRATCH, run, section

PLAIN = Path("models/imagenet/classifiers/in")


def main() -> None:
    """Train one backbone with a head for shape, texture and background."""
    seed, threads, device = section("seed"), section("threads"), section("device")
    params = section("methods.ensemble")
    schedule = section("imagenet.classifier")
    budget = section("budgets.train_ensemble")

    from cgn.data.mirroring import Mirrored
    from cgn.data.sources import Images, Source
    from cgn.io.arrays import read_arrays
    from cgn.io.files import read_json
    from cgn.methods.ensemble import Ensemble, real_and_counterfactuals
    from cgn.methods.training import Run, steps_for, train_and_save
    from cgn.networks.backbones import published_backbone, random_backbone, trained_backbone
    from cgn.networks.ensemble import EnsembleNetwork
    from cgn.networks.stored_classifier import Signature
    from cgn.seeding import seed_for
    from cgn.training.checkpoint import Checkpoint, fingerprint
    from cgn.training.device import torch_device

    data, shards = Path("data/imagenet/world"), Path("data/imagenet/shards/counterfactuals")
    inputs = [data / "train.safetensors", data / "validation.safetensors"]
    arrays, held_out = (read_arrays(path) for path in inputs)

    if params.start == "in":
        backbone = trained_backbone(PLAIN)
    elif params.start == "scratch":
        backbone = random_backbone(seed_for(seed, "imagenet", "ensemble", "backbone"), schedule.channels)
    else:
        backbone = published_backbone(params.start)
    signature = Signature(read_json(data / "classes.json"), arrays["images"].shape[1])
    network = EnsembleNetwork(
        backbone, len(signature.classes), seed_for(seed, "imagenet", "ensemble", "heads")
    )
    real, ratio = Images(arrays["images"], arrays["labels"]), params.real_to_counterfactual
    source: Source = real_and_counterfactuals(real, shards, ratio, schedule.batch, seed, "ensemble")
    if schedule.mirror:
        source = Mirrored(source, seed, "ensemble")
    steps = steps_for(budget.image_passes, schedule.batch, schedule.decays)
    algorithm = Ensemble(network, steps, schedule, params.label_smoothing)
    run_id = fingerprint([seed, threads, device, params, schedule, budget], [*inputs, shards, PLAIN])
    checkpoint = Checkpoint(SCRATCH / "train_ensemble" / "ensemble.pt", run_id)
    folder = Path("models/imagenet/classifiers/ensemble")
    validation = Images(held_out["images"], held_out["labels"])
    one_run = Run(folder, algorithm, source, checkpoint, "ensemble")
    train_and_save([one_run], validation, threads, torch_device(device), signature)


if __name__ == "__main__":
    run(main)
