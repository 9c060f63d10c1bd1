"""One true training step of the paper's networks at their size, with random weights, on the CPU."""

import pytest
import torch
from torchvision.models import vgg16_bn

from cgn.generators.imagenet.mechanisms import ImageNetCGN
from cgn.generators.imagenet.training import batch_losses, draw_batch
from cgn.generators.params import ImageNetCGNBudget, ImageNetCGNParams
from cgn.networks.biggan import BIGGAN_DEEP_256, build_biggan
from cgn.networks.u2net import U2NET, Saliency, U2Net
from cgn.networks.vgg import PerceptualFeatures


@pytest.mark.slow
def test_a_step_at_full_size(params: ImageNetCGNParams) -> None:
    torch.manual_seed(0)
    paper = params.model_copy(update={"patch_size": 15, "patch_grid": 6, "patch_candidates": 100})
    budget = ImageNetCGNBudget(steps=1, batch=1, accumulation=1, precision="fp32")
    cgn = ImageNetCGN(BIGGAN_DEEP_256, Saliency(U2Net(U2NET), "official", 320), truncation=1.0, seed=1)
    cgan = build_biggan(BIGGAN_DEEP_256, seed=0).eval().requires_grad_(False)
    features = PerceptualFeatures(vgg16_bn().features, "imagenet")
    frozen = {name: value.clone() for name, value in cgn.saliency.state_dict().items()}
    before = {name: value.detach().clone() for name, value in cgn.generators.named_parameters()}

    optimizer = torch.optim.Adam(cgn.generators.parameters(), lr=1e-5, betas=(0.5, 0.999))
    batch = draw_batch(cgn, paper, budget, seed=0, number=0)
    outputs, losses = batch_losses(cgn, cgan, features, paper, budget, *batch)
    torch.autograd.backward(torch.stack(list(losses.values())).sum())
    optimizer.step()

    assert outputs.composite.shape == (1, 3, 256, 256)
    assert set(losses) == set(paper.lambdas())
    assert all(loss.isfinite() for loss in losses.values())
    for mechanism, generator in cgn.generators.items():
        moved = {
            name
            for name, value in generator.named_parameters()
            if (value != before[f"{mechanism}.{name}"]).any()
        }
        assert {
            "embeddings.weight",
            "generator.gen_z.weight_orig",
            "generator.conv_to_rgb.weight_orig",
        } <= moved
    assert all(torch.equal(value, frozen[name]) for name, value in cgn.saliency.state_dict().items())
