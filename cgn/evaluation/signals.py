"""Table 5 (appendix H): the classifiers of the signals in environments, and the signal that is the cause."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from cgn.data.sources import Images
from cgn.evaluation.params import SignalsParams
from cgn.metrics.accuracy import Predictor, accuracy, predict
from cgn.metrics.stability import cause, dependence

RANDOM = "random"  # the environment whose cues tell nothing


def signal_scores(
    classifiers: Mapping[str, Predictor],
    draw: Callable[[float], NDArray[np.uint8]],  # correlation -> images (n, 32, 32, 3)
    labels: NDArray[np.integer],  # (n,) of these images
    params: SignalsParams,
) -> dict[str, Any]:
    """The scores of the classifiers, by signal, in environments of the same digits.

    `signals` has for each signal its accuracies in percent, by environment (`name_of` the correlation, and
    `random`). `dependence` has the statistic of `cgn.metrics.stability` for each, and `causal_signal` is the
    verdict. Both are of `params.environments` only: as IRM, they know nothing of random cues.
    """
    environments = {name_of(value): value for value in params.environments} | {RANDOM: 0.0}
    accuracies: dict[str, dict[str, float]] = {signal: {} for signal in classifiers}
    for name, correlation in tqdm(environments.items(), desc="environments", unit="environment"):
        images = Images(draw(correlation), labels)
        for signal, classifier in classifiers.items():
            accuracies[signal][name] = accuracy(predict(classifier, images.images), images.labels)
    known = [name for name in environments if name != RANDOM]
    found = {
        signal: dependence([of[name] for name in known], params.environments)
        for signal, of in accuracies.items()
    }
    return {
        "signals": accuracies,
        "dependence": found,
        "causal_signal": cause(found, params.stable_below),
        "stable_below": params.stable_below,
    }


def name_of(correlation: float) -> str:
    """The name of an environment: the correlation in percent, as 92_5."""
    return f"{100 * correlation:g}".replace(".", "_")
