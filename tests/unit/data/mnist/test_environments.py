import numpy as np

from cgn.data.mnist.variants import environment
from cgn.data.params import DoubleColoredParams
from cgn.params.reading import read
from tests.conftest import ROOT, packaged_digits


def _params() -> DoubleColoredParams:
    own = read(ROOT).mnist.variants.double_colored_mnist
    return own.model_copy(update={"standard_deviation": 0.0})


def test_correlation_sets_how_often_the_ground_tells_the_label() -> None:
    """Without colour noise the corner pixel is the colour of the background's class."""
    params = _params()
    digits = packaged_digits(3000, 10, 10)
    labels = digits["train_labels"]
    own_color = np.array(params.colors)[labels]
    for correlation in (0.0, 0.9, 1.0):
        images = environment(
            "double_colored_mnist", digits["train_images"], labels, correlation, params, None, 0, "x"
        )
        told = (images[:, 0, 0] == own_color).all(axis=1).mean()
        assert abs(told - (correlation + (1 - correlation) / 10)) < 0.03


def test_names_choose_the_draw() -> None:
    params = _params()
    digits = packaged_digits(50, 10, 10)

    def draw(*names: str | int) -> bytes:
        shapes, labels = digits["train_images"], digits["train_labels"]
        return environment("double_colored_mnist", shapes, labels, 0.5, params, None, 0, *names).tobytes()

    assert draw("a", 0) == draw("a", 0)
    assert draw("a", 0) != draw("a", 1)
