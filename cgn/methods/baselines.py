"""The methods that need no CGN, ready to train: algorithm and source of each, by its parameters.

The stages train them with the settings of the profile, `experiments.tuning` with those of its search.
"""

from collections.abc import Sequence
from typing import NamedTuple

from cgn.data.sources import Environments, FixedImages, Images, Source
from cgn.methods.algorithm import Algorithm
from cgn.methods.augmentation import AugmentedERM
from cgn.methods.erm import ERM
from cgn.methods.group_dro import GroupDRO
from cgn.methods.irm import IRM
from cgn.methods.lntl import LNTL
from cgn.methods.training import steps_for
from cgn.networks.digit_cnn import DigitCNN
from cgn.params.methods import AugmentationParams, GroupDROParams, IRMParams, LNTLParams, OriginalParams
from cgn.params.shared import ClassifierParams
from cgn.seeding import seed_for


class Baseline(NamedTuple):
    """What `cgn.methods.training.train` needs of a method."""

    algorithm: Algorithm
    source: Source


def on_biased(
    method: str,  # names the random numbers: network, order, draws
    params: OriginalParams | LNTLParams | AugmentationParams,
    images: Images,
    variant: str,
    black_ground: bool,  # black pixels carry no cue
    image_passes: int,
    schedule: ClassifierParams,
    seed: int,
) -> Baseline:
    """`method` of `params` on the biased images of `variant`. Raises TypeError for other parameters."""
    network = DigitCNN(seed_for(seed, variant, method, "network"))
    steps = steps_for(image_passes, schedule.batch, schedule.decays)
    algorithm: Algorithm
    if isinstance(params, LNTLParams):
        heads_seed = seed_for(seed, variant, method, "heads")
        algorithm = LNTL(network, steps, schedule, params, heads_seed, black_ground)
    elif isinstance(params, AugmentationParams):
        draws_seed = seed_for(seed, variant, method, "draws")
        algorithm = AugmentedERM(network, steps, schedule, params, draws_seed)
    elif isinstance(params, OriginalParams):
        algorithm = ERM(network, steps, schedule)
    else:
        raise _unknown(method, params)
    return Baseline(algorithm, FixedImages(images, schedule.batch, seed, variant, method))


def on_environments(
    method: str,  # as above
    params: IRMParams | GroupDROParams,
    environments: Sequence[Images],
    variant: str,
    image_passes: int,
    schedule: ClassifierParams,
    seed: int,
) -> Baseline:
    """`method` of `params` on `environments` of `variant`: `environment_batch` images of each a step.

    Raises TypeError for other parameters.
    """
    if not isinstance(params, IRMParams | GroupDROParams):
        raise _unknown(method, params)
    network = DigitCNN(seed_for(seed, variant, method, "network"))
    batch = params.environment_batch
    steps = steps_for(image_passes, batch * len(environments), schedule.decays)
    algorithm: Algorithm
    if isinstance(params, IRMParams):
        algorithm = IRM(network, steps, schedule, params)
    else:
        algorithm = GroupDRO(network, steps, schedule, params)
    return Baseline(algorithm, Environments(environments, batch, seed, variant, method))


def _unknown(method: str, params: object) -> TypeError:
    return TypeError(f"{method}: no method is trained with parameters of the type {type(params).__name__}")
