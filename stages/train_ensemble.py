"""Stage `train_ensemble`: the three-headed classifier of Tables 3 and 4, on real and generated images."""

from pathlib import Path
from typing import Annotated

from typer import Option

from stages.command import run, section
from stages.run import StageRun

PLAIN = Path("models/imagenet/classifiers/in")


def main(
    shards: Annotated[str, Option(help="folder of data/imagenet/shards: counterfactuals or abducted")],
    ensemble: Annotated[str, Option(help="folder of models/imagenet/classifiers to write")],
) -> None:
    """Train one backbone with a head for shape, texture and background."""
    stage = StageRun("train_ensemble")
    params, schedule = section("methods.ensemble"), section("imagenet.classifier")
    budget = section("budgets.train_ensemble")

    from cgn.data.sources import Images, Mirrored, Source
    from cgn.io.arrays import read_arrays
    from cgn.io.files import read_json
    from cgn.methods.ensemble import Ensemble, real_and_counterfactuals
    from cgn.methods.training import Run, steps_for, train_and_save
    from cgn.networks.backbones import start_of
    from cgn.networks.classifier import Signature
    from cgn.networks.ensemble import EnsembleNetwork
    from cgn.seeding import seed_for

    data, generated = Path("data/imagenet/world"), Path("data/imagenet/shards") / shards
    inputs = [data / "train.safetensors", data / "validation.safetensors"]
    arrays, held_out = (read_arrays(path) for path in inputs)

    names = (stage.seed, "imagenet", ensemble)
    backbone = start_of(params.start, PLAIN, seed_for(*names, "backbone"), schedule.channels)
    signature = Signature(read_json(data / "classes.json"), arrays["images"].shape[1], backbone.name)
    network = EnsembleNetwork(backbone, len(signature.classes), seed_for(*names, "heads"))
    real, ratio = Images(arrays["images"], arrays["labels"]), params.real_to_counterfactual
    source: Source = real_and_counterfactuals(real, generated, ratio, schedule.batch, stage.seed, ensemble)
    if schedule.mirror:
        source = Mirrored(source, stage.seed, ensemble)
    steps = steps_for(budget.image_passes, schedule.batch, schedule.decays)
    algorithm = Ensemble(network, steps, schedule, params.label_smoothing)
    checkpoint = stage.checkpoint(ensemble, [params, schedule, budget], [*inputs, generated, PLAIN])
    one_run = Run(PLAIN.parent / ensemble, algorithm, source, checkpoint, ensemble)
    validation = Images(held_out["images"], held_out["labels"])
    train_and_save([one_run], validation, stage.threads, stage.device, signature)


if __name__ == "__main__":
    run(main)
