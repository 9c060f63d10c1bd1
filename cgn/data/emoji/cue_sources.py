"""Training images of the classifiers of Tables 3 and 4. All but `in` need known masks and backgrounds.

`in`: the world's images, with both shortcuts. `sin`: the same images, each as a whole in the style of one
surface at random, as in Stylized-ImageNet (Geirhos et al. 2019). `in_sin`: both. `mixed_rand`: objects on the
backgrounds of other images (Xiao et al. 2021). `oracle`: objects with random surfaces on the backgrounds of
other images, an upper limit.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cgn.data.sources import FixedImages, FreshImages, Images, Source, Split
from cgn.seeding import generator

TRAINING_SETS = ("in", "sin", "in_sin", "mixed_rand", "oracle")

Arrays = dict[str, NDArray[Any]]


def on_backgrounds_of_others(
    images: NDArray[np.uint8], arrays: Arrays, seed: int, *names: str | int
) -> NDArray[np.uint8]:
    """Permutes the backgrounds of `images` uint8 (n, r, r, 3) and keeps the objects' pixels.

    The result is x + (1 - m) (b' - b), where b' is another image's background. `arrays` has `masks` (n, r,
    r), 255 on the object, and `backgrounds` (n, r, r, 3), uint8. `seed` and `names` seed the permutation.
    """
    backgrounds = arrays["backgrounds"]
    other = backgrounds[generator(seed, *names).permutation(len(images))]
    share = (255 - arrays["masks"].astype(np.int32))[..., None]
    change = share * (other.astype(np.int32) - backgrounds)
    return np.clip(images + np.rint(change / 255).astype(np.int32), 0, 255).astype(np.uint8)


def cue_sources(train: Split, arrays: Arrays, batch: int, seed: int) -> dict[str, Source]:
    """The training images of each of `TRAINING_SETS`, in minibatches of `batch`.

    `train` are the world's images. If their masks are known, `arrays` has `images`, `labels` (n,), `restyled`
    and `repainted` images, `masks` and `backgrounds`, uint8. Without `masks` only the source of `in` is
    returned.
    """
    plain = train.source(batch, seed, "in")
    if "masks" not in arrays:
        return {"in": plain}
    labels, images, restyled = arrays["labels"], arrays["images"], arrays["restyled"]

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
        "oracle": exchanged("oracle", arrays["repainted"]),
    }
