"""Interventions on the MNIST world; what samples are follows in test_training."""

from typing import Literal

import numpy as np
import pytest
import torch

from cgn.counterfactuals import CounterfactualParams
from cgn.generators.mnist.mechanisms import CGN, CGNConfig
from cgn.generators.mnist.sampling import BLOCK, sample_counterfactuals
from cgn.scm import MNIST_SCM


@pytest.mark.parametrize("name", ["shape", "foreground", "background"])
@pytest.mark.parametrize("noise", ["shared", "per_mechanism"])
def test_do_gives_the_images_whose_plan_has_that_label(
    name: str, noise: Literal["shared", "per_mechanism"]
) -> None:
    torch.manual_seed(0)
    cgn = CGN(CGNConfig(4, 3, 4, 7.0, "shift", 8, "plain")).eval().requires_grad_(False)
    policy = CounterfactualParams(intervened=["shape", "foreground", "background"], noise=noise, ratio=3)
    given = (cgn, policy, 0, BLOCK - 40, BLOCK + 40)
    plain, done = (
        list(sample_counterfactuals(*given, scm)) for scm in (MNIST_SCM, MNIST_SCM.do(**{name: 7}))
    )
    same = [one.metadata["labels"][name] == 7 for one in plain]
    assert 0 < sum(same) < 40
    equal = []
    for one, other in zip(plain, done, strict=True):
        assert other.metadata["labels"] == one.metadata["labels"] | {name: 7}
        assert other.metadata["noise"] == one.metadata["noise"]
        equal.append(np.array_equal(one.image, other.image))
    assert all(np.array(equal)[same])
    assert not all(equal)
