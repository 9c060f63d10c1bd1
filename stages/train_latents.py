"""Stage `train_latents`: the models of Figure 6, which learn Colored MNIST without labels."""

from pathlib import Path

from stages.command import run, section
from stages.run import StageRun

MODELS = Path("models/mnist/latents")
LATENTS = (2, 10)  # the paper's figure has two; more "do not resolve the problem"


def main() -> None:
    """Train a beta-VAE with two latents, one with ten, and a plain GAN on Colored MNIST."""
    stage = StageRun("train_latents")
    params, adversarial = section("mnist.vae"), section("mnist.adversarial")
    budget = section("budgets.train_latents")

    import numpy as np

    from cgn.generators.mnist.training import train_gan
    from cgn.generators.mnist.vae import save_vae, train_vae
    from cgn.io.arrays import read_arrays

    source = Path("data/mnist/variants/colored_mnist.safetensors")
    images = read_arrays(source)["train_images"]
    for latents in LATENTS:
        name = f"vae_{latents}"
        with stage.output(MODELS / name, name, [params, budget.vae_image_passes], [source]) as output:
            vae = train_vae(
                images, latents, params, budget.vae_image_passes, stage.seed, output.checkpoint, stage.device
            )
            save_vae(output.folder, vae)
    with stage.output(MODELS / "gan", "gan", [adversarial, budget.gan], [source]) as output:
        one_class = np.zeros(len(images), np.uint8)  # so that neither network is told the label
        train_gan(
            output.folder, images, one_class, adversarial, budget.gan, stage.seed, output.checkpoint,
            stage.device,
        )  # fmt: skip


if __name__ == "__main__":
    run(main)
