"""The scores and pictures of Figure 6: the models of the stage `train_latents`, and the CGN beside them."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cgn.counterfactuals import plan_counterfactuals
from cgn.data.mnist.variants import VariantParams, draw_cues, synthesize
from cgn.evaluation.latents import (
    FACTORS,
    STARTS,
    Decode,
    Encoded,
    Images,
    Latents,
    Reader,
    changed_along,
    changes,
    directions,
    encode,
    in_blocks,
    told_by_latents,
)
from cgn.generators.mnist.gan import GAN
from cgn.generators.mnist.mechanisms import CLASSES, DigitCGN
from cgn.generators.mnist.sampling import draw
from cgn.generators.mnist.stored import load_cgn, load_gan
from cgn.generators.mnist.vae import load_vae
from cgn.io.pixels import to_bytes
from cgn.scm import MNIST_SCM, CounterfactualParams
from cgn.seeding import generator, indexed_normals

VARIANT = "colored_mnist"
MOST = 2000  # images that are encoded
SHOWN = 4  # latents of a model that are traversed in the figure
REACH = 2.5  # of a traversal to both sides, in standard deviations
COLUMNS = 9  # images of a traversal
PLANE = 12  # images along each side of the plane
MECHANISMS = {"color": "foreground", "shape": "shape"}
_ONE_LABEL = CounterfactualParams(intervened=["shape"], noise="per_mechanism", ratio=1)

Arrays = dict[str, NDArray[Any]]


def figure_6(
    models: Path, arrays: Arrays, digits: Arrays, own: VariantParams, reader: Reader, seed: int
) -> tuple[dict[str, Any], Arrays]:
    """The scores by model, and the arrays of the pictures.

    `models` has latents/ and cgn/; `arrays` are the variant's, `digits` those of `load_digits`. Images with
    random cues are of validation digits where neighbours are looked up, and test images where those are
    scored.
    """
    known_labels = np.resize(digits["validation_labels"], MOST)
    known_shapes = np.resize(digits["validation_images"], (MOST, *digits["validation_images"].shape[1:]))
    rng = generator(seed, "figure_6", "known")
    cues = draw_cues(known_labels, 0.0, rng)
    known_images = synthesize(VARIANT, known_shapes, cues, own, None, rng)
    known = {"color": cues.foreground.astype(np.int64), "shape": known_labels.astype(np.int64)}
    test = arrays["test_images"][:MOST]
    names = {"color": "test_foreground_labels", "shape": "test_labels"}
    true = {factor: arrays[name][:MOST].astype(np.int64) for factor, name in names.items()}
    read = reader.read(test)
    scores: dict[str, Any] = {
        "readers": {factor: float(np.mean(read[factor] == true[factor]) * 100) for factor in FACTORS}
    }

    train = arrays["train_images"][:MOST]
    pictures: Arrays = {"labels": arrays["train_labels"][:MOST], "colors": reader.colors.astype(np.uint8)}
    for folder in sorted((models / "latents").glob("vae_*"), key=lambda path: int(path.name[4:])):
        vae = load_vae(folder)
        means = encode(vae, train)
        told = told_by_latents(Encoded(encode(vae, known_images), known), Encoded(encode(vae, test), true))
        decode = in_blocks(vae.decode)
        along = changed_along(decode, means[:STARTS], directions(vae.latents, seed), reader)
        scores[folder.name] = {"told": told} | along
        widest = np.argsort(-means.std(axis=0), kind="stable")[:SHOWN]
        pictures[f"traversals_{folder.name}"] = traversals(decode, means[0], widest)
        if vae.latents == 2:
            pictures |= {"means": means, "plane": plane(decode)}

    gan = load_gan(models / "latents/gan")
    starts = indexed_normals(seed, "figure_6/gan", 0, STARTS, gan.config.noise_dimensions)
    decode = in_blocks(lambda noise: _of_one_class(gan, noise))
    scores["gan"] = changed_along(decode, starts, directions(starts.shape[1], seed), reader)
    pictures["traversals_gan"] = traversals(decode, starts[0], np.arange(min(SHOWN, starts.shape[1])))

    scores["images"] = changes(reader.read(train), [reader.read(np.roll(train, 1, axis=0))])
    cgn = load_cgn(models / "cgn" / VARIANT)
    drawn = reader.read(draw_after(cgn, seed, STARTS))
    for factor, mechanism in MECHANISMS.items():
        every = [draw_after(cgn, seed, STARTS, **{mechanism: label}) for label in range(CLASSES)]
        scores[f"cgn_{factor}"] = changes(drawn, [reader.read(images) for images in every])
        pictures[f"cgn_{factor}"] = np.stack([images[0] for images in every])
    return scores, pictures


def _of_one_class(gan: GAN, noise: Tensor) -> Tensor:
    images: Tensor = gan(noise, torch.zeros(len(noise), dtype=torch.int64))
    return images


def traversals(decode: Decode, start: Latents, which: NDArray[np.integer]) -> Images:
    """Images (len(which), `COLUMNS`, 32, 32, 3): each of the latents moves from -`REACH` to `REACH`."""
    latents = np.tile(start, (len(which), COLUMNS, 1)).astype(np.float32)
    for row, number in enumerate(which):
        latents[row, :, number] = np.linspace(-REACH, REACH, COLUMNS)
    return decode(latents.reshape(-1, len(start))).reshape(len(which), COLUMNS, 32, 32, 3)


def plane(decode: Decode) -> Images:
    """Images (`PLANE`, `PLANE`, 32, 32, 3) of two latents from -`REACH` to `REACH`; the second points up."""
    ticks = np.linspace(-REACH, REACH, PLANE, dtype=np.float32)
    second, first = np.meshgrid(ticks[::-1], ticks, indexing="ij")
    return decode(np.stack([first, second], axis=-1).reshape(-1, 2)).reshape(PLANE, PLANE, 32, 32, 3)


def draw_after(cgn: DigitCGN, seed: int, count: int, **labels: int) -> Images:
    """Images (count, 32, 32, 3) with one label for all mechanisms, after do() on those in `labels`.

    Noise and all other labels are the same in every call.
    """
    scm = MNIST_SCM.do(**labels)
    plan = plan_counterfactuals(scm, _ONE_LABEL, CLASSES, seed, 0, count)
    return to_bytes(draw(cgn, plan, scm)["composer"])
