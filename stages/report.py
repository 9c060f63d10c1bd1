"""Stage `report`: the scores as tables, figures, a page and the metrics."""

from pathlib import Path

from stages.command import SCRATCH, run, section


def main() -> None:
    """Write reports/: summary.json, metrics.json, tables, figures, the page and its first picture."""
    profile, seed = section("profile"), section("seed")
    digits, textures = section("budgets.digits"), section("budgets.textures")
    source = f"{digits.source} ({digits.train:,} for training, {digits.test:,} for the test)"
    world, images = section("imagenet.world"), section("budgets.imagenet_world")
    of_world = f"{world}, at most {images.train:,} images for training"
    section("threads")
    truncation = section("imagenet.sheets").truncation
    released = section("mnist.classifier.network") == "released"

    from cgn.report.glance import glance_of_run
    from cgn.report.writing import DATA, MODELS, mixed_worlds, write_report

    worlds = mixed_worlds(world, truncation, released, seed)
    glance = glance_of_run(DATA, MODELS, released)
    write_report(profile, seed, source, textures.source, of_world, stage_seconds(), worlds, glance)


def stage_seconds() -> list[float]:
    """The known times of the last run of each stage, without the report."""
    from cgn.io.files import read_json

    stages = {path.stem for path in Path(__file__).parent.glob("*.py")} - {"report"}
    timings = sorted(
        (SCRATCH / "timings").glob("*.json")
    )  # written by `stages.command.run`; not an output of any stage
    return [read_json(path)["seconds"] for path in timings if path.stem.split("-")[0] in stages]


if __name__ == "__main__":
    run(main)
