"""torch-fidelity's Inception, with random weights in its file format."""

from pathlib import Path

import pytest
import torch
from torch import nn
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from cgn.errors import UserError
from cgn.evaluation.cgn_scores import load_judges
from cgn.io.files import write_json
from cgn.networks.inception import load_inception

NAME = "weights-inception-2015-12-05-6726825d.pth"


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("inception") / NAME
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(FeatureExtractorInceptionV3, "load_state_dict", lambda *_: None)
        torch.save({}, path)
        network = FeatureExtractorInceptionV3("x", ["logits"], str(path))
    torch.save(network.state_dict(), path)
    return path


def test_logits_have_no_bias(weights: Path, tmp_path: Path) -> None:
    write_json(tmp_path / "pretrained/networks.json", {"segmenter": None})
    name, judges = load_judges(tmp_path, inception=weights)  # of which no other file is needed
    assert name == "inception"
    images = torch.rand(2, 3, 32, 32) * 2 - 1
    theirs = FeatureExtractorInceptionV3("x", ["logits_unbiased"], str(weights)).eval()
    with torch.inference_mode():
        (logits,) = theirs(((images + 1) * 127.5).round().byte())
        assert torch.equal(judges.probabilities(images), logits.softmax(dim=1))
    assert logits.shape == (2, 1008)


def test_other_weights_are_named(tmp_path: Path) -> None:
    torch.save(nn.Linear(2, 2).state_dict(), tmp_path / NAME)
    with pytest.raises(UserError, match=r"6726825d\.pth: not the weights of Inception"):
        load_inception(tmp_path / NAME)
    torch.save(nn.Linear(2, 2), tmp_path / NAME)  # an object, not weights
    with pytest.raises(UserError, match=r"6726825d\.pth: "):
        load_inception(tmp_path / NAME)
