"""The networks of the paper's ImageNet experiments at their size, with random weights, for `full_size`."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_pretrained_biggan.model import SelfAttn
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import resnet50, vgg16_bn

from cgn.generators.imagenet.mechanisms import ImageNetCGN
from cgn.generators.imagenet.training import accumulate_gradients, draw_batch
from cgn.generators.params import ImageNetCGNBudget, ImageNetCGNParams
from cgn.io.pixels import to_bytes
from cgn.networks.biggan import BIGGAN_DEEP_256, build_biggan, truncated_noise
from cgn.networks.u2net import U2NET, Saliency, U2Net
from cgn.networks.vgg import PerceptualFeatures
from cgn.scm import IMAGENET_SCM
from cgn.training.device import ReplayedUpdate
from stages.command import section

ACCUMULATED = 4000  # images an update, as in the paper
PATCHES = {"patch_size": 15, "patch_grid": 6, "patch_candidates": 100}  # of the paper, at 256 pixels


class Networks:
    """The CGN at full size with random weights, the frozen conditional GAN and the VGG of its losses."""

    def __init__(self, device: torch.device) -> None:
        torch.manual_seed(0)
        self.params: ImageNetCGNParams = section("imagenet.cgn").model_copy(update=PATCHES)
        with device:
            saliency = Saliency(U2Net(U2NET), "official", 320)
            self.cgn = ImageNetCGN(BIGGAN_DEEP_256, saliency, truncation=1.0, seed=1)
            self.cgan = build_biggan(BIGGAN_DEEP_256, 0).eval().requires_grad_(False)
            self.features = PerceptualFeatures(vgg16_bn().features, "imagenet")
        for network in (self.cgn, self.cgan, self.features):
            network.to(device)  # the package's batch norm makes its weights on the CPU whatever the context
        self.optimizer = torch.optim.Adam(self.cgn.generators.parameters(), lr=1e-5, betas=(0.5, 0.999))

    def training(self, precision: str, batch: int, replayed: bool) -> Callable[[], Tensor]:
        """A batch of training as `train_cgn` has it, its random numbers included; its losses."""
        budget = ImageNetCGNBudget(
            steps=1,
            batch=batch,
            accumulation=ACCUMULATED // batch,
            precision="bf16" if precision == "bf16" else "fp32",
        )
        update = partial(accumulate_gradients, self.cgn, self.cgan, self.features, self.params, budget)
        accumulate = ReplayedUpdate(update) if replayed else update

        def call() -> Tensor:
            return accumulate(*draw_batch(self.cgn, self.params, budget, seed=0, number=0))

        return call

    def counterfactuals(self, precision: str, batch: int, replayed: bool) -> Callable[[], NDArray[np.uint8]]:
        """Images of independent classes at truncation 0.5, as bytes on the host."""
        device = next(self.cgn.parameters()).device
        mechanisms = IMAGENET_SCM.mechanisms

        @torch.inference_mode()
        def composites(noise: Tensor, labels: Tensor) -> Tensor:
            self.cgn.truncation = 0.5
            with autocast(device, precision):
                noises, classes = (dict(zip(mechanisms, of, strict=True)) for of in (noise, labels))
                images: Tensor = self.cgn(noises, classes).composite
            self.cgn.truncation = 1.0
            return images

        draw = ReplayedUpdate(composites) if replayed else composites

        def call() -> NDArray[np.uint8]:
            noise = torch.stack([truncated_noise(0, name, 0, batch, 128, 0.5) for name in mechanisms])
            return to_bytes(draw(noise.to(device), torch.arange(batch).expand(3, -1).to(device)))

        return call

    def channels_last(self) -> None:
        """Lay out all convolutions channels last, but for the self-attention, whose views forbid it."""
        for network in (self.cgn, self.cgan, self.features):
            network.to(memory_format=torch.channels_last)
            for module in network.modules():
                if isinstance(module, SelfAttn):
                    module.to(memory_format=torch.contiguous_format)
                    module.register_forward_pre_hook(lambda _, inputs: inputs[0].contiguous())


class Ensemble:
    """A ResNet-50 with three linear heads: real images train their mean, counterfactuals each its own."""

    def __init__(self, device: torch.device, memory_format: torch.memory_format) -> None:
        with device:
            self.backbone = resnet50()
            self.backbone.fc = nn.Identity()
            self.heads = nn.ModuleList(nn.Linear(2048, 1000) for _ in range(3))
            self.backbone.to(memory_format=memory_format)
            self.images = torch.randn(512, 3, 224, 224).to(memory_format=memory_format)
            self.labels = torch.randint(1000, (4, 256))
        parameters = [*self.backbone.parameters(), *self.heads.parameters()]
        self.optimizer = torch.optim.SGD(parameters, lr=1e-3, momentum=0.9, weight_decay=1e-4)

    def step(self, precision: str) -> None:
        """One update on half real, half counterfactual images."""
        with autocast(self.images.device, precision):
            features = self.backbone(self.images)
            logits = torch.stack([head(features) for head in self.heads]).float()
            loss = functional.cross_entropy(logits[:, :256].mean(dim=0), self.labels[3])
            for own, labels in zip(logits[:, 256:], self.labels[:3], strict=True):
                loss = loss + functional.cross_entropy(own, labels)
        torch.autograd.backward(loss)
        self.optimizer.step()
        self.optimizer.zero_grad()


def autocast(device: torch.device, precision: str) -> AbstractContextManager[None]:
    """bfloat16 where `precision` says so."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")
