"""What the classifiers of Tables 3 and 4 see; most of it needs a world whose masks and backgrounds are known.

`in`: the world's images, shortcuts and all. `sin`: the same objects under surfaces that tell nothing (for
Stylized ImageNet, Geirhos et al. 2019). `in_sin`: both. `mixed_rand`: objects before the backgrounds of
other images (Xiao et al. 2021). `oracle`: neither cue tells the class, the limit of any method.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgn.data.sources import FixedImages, FreshImages, Images, Source
from cgn.seeding import generator

METHODS = ("in", "sin", "in_sin", "mixed_rand", "oracle")

Arrays = dict[str, NDArray[Any]]


def on_backgrounds_of_others(
    images: NDArray[np.uint8], arrays: Arrays, seed: int, *names: str | int
) -> NDArray[np.uint8]:
    """`images` (n, r, r, 3) with the objects where they are, each before the background of another one.

    `arrays`: their `masks` (n, r, r), 255 on the object, and `backgrounds` (n, r, r, 3), uint8.
    x + (1 - m) (b' - b): the object's pixels stay as they are. `seed` and `names` say which exchange.
    """
    backgrounds = arrays["backgrounds"]
    other = backgrounds[generator(seed, *names).permutation(len(images))]
    share = (255 - arrays["masks"].astype(np.int32))[..., None]
    change = share * (other.astype(np.int32) - backgrounds)
    return np.clip(images + np.rint(change / 255).astype(np.int32), 0, 255).astype(np.uint8)


def cue_sources(arrays: Arrays, batch: int, seed: int) -> dict[str, Source]:
    """The training images of each of `METHODS`, in minibatches of `batch`; without masks of `in` alone.

    `arrays`: the world's `images` and `labels` (n,), and where they are known `restyled` images, `masks` and
    `backgrounds`, uint8.
    """
    labels, images = arrays["labels"], arrays["images"]
    plain: Source = FixedImages(Images(images, labels), batch, seed, "in")
    if "masks" not in arrays:
        return {"in": plain}
    restyled = arrays["restyled"]

    def exchanged(method: str, which: NDArray[np.uint8]) -> Source:
        def draw(number: int) -> Images:
            moved = on_backgrounds_of_others(which, arrays, seed, method, "backgrounds", number)
            return Images(moved, labels)

        return FreshImages(draw, len(labels), batch, seed, method)

    both = Images(np.concatenate([images, restyled]), np.concatenate([labels, labels]))
    return {
        "in": plain,
        "sin": FixedImages(Images(restyled, labels), batch, seed, "sin"),
        "in_sin": FixedImages(both, batch, seed, "in_sin"),
        "mixed_rand": exchanged("mixed_rand", images),
        "oracle": exchanged("oracle", restyled),
    }
