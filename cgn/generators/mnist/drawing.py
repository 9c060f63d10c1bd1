"""One image of the MNIST generators after an intervention, with the layers that it is made of."""

import numpy as np
from numpy.typing import NDArray

from cgn.counterfactuals import plan_counterfactuals
from cgn.generators.mnist.mechanisms import CLASSES, DigitCGN
from cgn.generators.mnist.sampling import draw
from cgn.io.pixels import to_bytes
from cgn.scm import MNIST_SCM, CounterfactualParams
from cgn.section import Mechanism


def draw_after(cgn: DigitCGN, noise: int, **classes: int) -> dict[str, NDArray[np.uint8]]:
    """Draws one image after do(shape := class, ...); a mechanism that is not named draws a class at random.

    `noise` numbers the noise of all mechanisms. Returns the outputs by name: the mask uint8 (32, 32, 1),
    textures and the composite uint8 (32, 32, 3).
    """
    scm = MNIST_SCM.do(**classes)
    names: list[Mechanism] = ["shape", "foreground", "background"]
    every = CounterfactualParams(intervened=names, noise="per_mechanism", ratio=1)
    drawn = draw(cgn, plan_counterfactuals(scm, every, CLASSES, 0, noise, noise + 1), scm)
    drawn["shape"] = drawn["shape"] * 2 - 1
    return {name: to_bytes(images)[0] for name, images in drawn.items()}
