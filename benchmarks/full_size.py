"""The ImageNet CGN at the paper's size, with random weights: time, memory and arithmetic of its steps.

`python -m benchmarks.full_size --out FILE.json` measures, the most important first, for as long as
`--seconds` allows (on one GPU 140 are enough), and prints a table:

- a training batch of the CGN (BigGAN-deep-256 four times, U2-Net, VGG16-BN): forward, six losses, backward;
- Adam's update of the three generators, which comes once in `accumulation` batches (the paper: 4,000 of 1);
- counterfactuals an image at a time and in batches, truncation 0.5, to bytes on the host;
- a step of a ResNet-50 with three heads on 256 real and 256 counterfactual images of 224 pixels;
- whether channels-last memory, cuDNN's search for algorithms and torch.compile pay.

Precisions: `fp32` all in float32; `tf32` torch's default on a GPU, convolutions in TF32 (both are
`precision: fp32` of params.yaml); `bf16` autocast. `share` is that of a large matrix product of the same
precision in the same run.
"""

import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import pandas as pd
import torch
import typer
from pytorch_pretrained_biggan.model import SelfAttn
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import resnet50, vgg16_bn

from cgn.common.pixels import to_bytes
from cgn.imagenet.generators.mechanisms import ImageNetCGN
from cgn.imagenet.generators.training import batch_losses
from cgn.imagenet.networks.biggan import BIGGAN_DEEP_256, build_biggan, generate, truncated_noise
from cgn.imagenet.networks.perceptual import PerceptualFeatures
from cgn.imagenet.networks.saliency import Saliency
from cgn.imagenet.networks.u2net import U2NET, U2Net
from cgn.params.imagenet import ImageNetCGNBudget, ImageNetCGNParams, LearningRates
from cgn.scm import IMAGENET_SCM

PRECISIONS = ("bf16", "tf32", "fp32")
ACCUMULATED = 4000  # images an update, as in the paper
COMPILE_SECONDS = 40  # that must be left for a compilation to begin
PAPER = ImageNetCGNParams(
    lambda_l1=100,
    lambda_perceptual=5,
    lambda_binary=300,
    lambda_mask=500,
    lambda_texture=5,
    lambda_background=2000,
    gram_factor=1,
    tau=0.1,
    patch_source="composite",
    patch_size=15,
    patch_grid=6,
    patch_candidates=100,
    learning_rates=LearningRates(shape=8e-6, foreground=1e-5, background=1e-5),
    truncation=1.0,
    start="pretrained",
)


class Networks:
    """The CGN at full size with random weights, the frozen conditional GAN and the VGG of its losses."""

    def __init__(self, device: torch.device) -> None:
        torch.manual_seed(0)
        with device:
            saliency = Saliency(U2Net(U2NET), "official", 320)
            self.cgn = ImageNetCGN(BIGGAN_DEEP_256, saliency, truncation=1.0, seed=1)
            self.cgan = build_biggan(BIGGAN_DEEP_256, 0).eval().requires_grad_(False)
            self.features = PerceptualFeatures(vgg16_bn().features, "imagenet")
        self.optimizer = torch.optim.Adam(self.cgn.generators.parameters(), lr=1e-5, betas=(0.5, 0.999))

    def training_batch(self, precision: str, batch: int) -> dict[str, float]:
        """Forward, losses and backward of one batch, as `train_cgn` does it; its losses."""
        arithmetic = "bf16" if precision == "bf16" else "fp32"
        budget = ImageNetCGNBudget(steps=1, batch=batch, accumulation=1, precision=arithmetic)
        _, losses = batch_losses(self.cgn, self.cgan, self.features, PAPER, budget, seed=0, number=0)
        torch.autograd.backward(torch.stack(list(losses.values())).sum() / ACCUMULATED)
        return {name: float(loss) for name, loss in losses.items()}

    @torch.inference_mode()
    def counterfactuals(self, precision: str, batch: int) -> list[Any]:
        """Images of independent classes at truncation 0.5, as bytes on the host."""
        device = next(self.cgn.parameters()).device
        noise, labels = {}, {}
        for name in IMAGENET_SCM.mechanisms:
            noise[name] = truncated_noise(0, name, 0, batch, 128, 0.5).to(device)
            labels[name] = torch.arange(batch).to(device)
        self.cgn.truncation = 0.5
        with autocast(device, precision):
            outputs = self.cgn(noise, labels)
        self.cgn.truncation = 1.0
        return [to_bytes(outputs.composite.cpu()), to_bytes(outputs.mask.cpu() * 2 - 1)]

    def channels_last(self) -> None:
        """Lay out all convolutions channels last, but for the self-attention, whose views forbid it."""
        for network in (self.cgn, self.cgan, self.features):
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            for module in network.modules():
                if isinstance(module, SelfAttn):
                    module.to(memory_format=torch.contiguous_format)
                    module.register_forward_pre_hook(lambda _, inputs: inputs[0].contiguous())


class Ensemble:
    """A ResNet-50 with three linear heads: real images train their mean, counterfactuals each its own."""

    def __init__(self, device: torch.device, memory_format: torch.memory_format) -> None:
        with device:
            self.backbone = resnet50()
            self.backbone.fc = nn.Identity()  # type: ignore[assignment]
            self.heads = nn.ModuleList(nn.Linear(2048, 1000) for _ in range(3))
            self.backbone.to(memory_format=memory_format)  # type: ignore[call-overload]
            self.images = torch.randn(512, 3, 224, 224).to(memory_format=memory_format)
            self.labels = torch.randint(1000, (4, 256))
        parameters = [*self.backbone.parameters(), *self.heads.parameters()]
        self.optimizer = torch.optim.SGD(parameters, lr=1e-3, momentum=0.9, weight_decay=1e-4)

    def step(self, precision: str) -> float:
        """One update on half real, half counterfactual images."""
        with autocast(self.images.device, precision):
            features = self.backbone(self.images)
            logits = torch.stack([head(features) for head in self.heads]).float()
            loss = functional.cross_entropy(logits[:, :256].mean(dim=0), self.labels[3])
            for own, labels in zip(logits[:, 256:], self.labels[:3], strict=True):
                loss = loss + functional.cross_entropy(own, labels)
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        return float(loss)


def autocast(device: torch.device, precision: str) -> AbstractContextManager[None]:
    """bfloat16 where `precision` says so."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


class Table:
    """The rows measured so far; a row is written to `out` as soon as it is there."""

    def __init__(self, device: torch.device, seconds: float, out: Path | None) -> None:
        self.device, self.deadline, self.out = device, time.perf_counter() + seconds, out
        self.rows: list[dict[str, Any]] = []
        self.facts: dict[str, Any] = {"torch": torch.__version__, "device": device.type, "skipped": []}
        if device.type == "cuda":
            self.facts["device"] = torch.cuda.get_device_name()
        self.limits = self.facts["matrix_product_tflops"] = {}

    def left(self) -> float:
        return self.deadline - time.perf_counter()

    def add(
        self,
        what: str,
        precision: str,
        batch: int,
        call: Callable[[], Any],
        flops: float | None = None,  # of an image
        at_least: float = 0.0,  # seconds that must be left
    ) -> None:
        """Measure `call`, which works on `batch` images, unless the time is over."""
        name = f"{what}, {precision}, {batch}"
        if self.left() < at_least or self.left() < 0:
            self.facts["skipped"].append(name)
            return
        row: dict[str, Any] = {"what": what, "precision": precision, "batch": batch}
        torch.backends.cudnn.allow_tf32 = precision != "fp32"
        try:
            seconds, spread = self._seconds(call)
        except torch.OutOfMemoryError:
            row["note"] = "out of memory"
        else:
            row |= {"ms": seconds * 1e3, "spread_ms": spread * 1e3, "images_per_second": batch / seconds}
            if self.device.type == "cuda":
                row["memory_gib"] = torch.cuda.max_memory_allocated() / 2**30
            if flops is not None:
                row["tflops"] = flops * batch / seconds / 1e12
                if precision in self.limits:
                    row["share"] = row["tflops"] / self.limits[precision]
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        self.rows.append(row)
        print(f"{self.left():6.0f} s left: {name}: {row.get('ms', float('nan')):.1f} ms", flush=True)
        self.write()

    def _seconds(self, call: Callable[[], Any]) -> tuple[float, float]:
        """Median of a call, and the distance of the quartiles; a slow call is not repeated."""
        times = [self._once(call) for _ in range(1)]
        if times[0] < 5:
            self._once(call)
            if self.device.type == "cuda":
                torch.cuda.reset_peak_memory_stats()
            times = [self._once(call)]
            while sum(times) < 1.2 and len(times) < 30 or len(times) < 5:
                times.append(self._once(call))
        ordered = sorted(times)
        return median(times), ordered[3 * len(times) // 4] - ordered[len(times) // 4]

    def _once(self, call: Callable[[], Any]) -> float:
        self._wait()
        started = time.perf_counter()
        call()
        self._wait()
        return time.perf_counter() - started

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def measure_limits(self) -> None:
        """TFLOP/s of a product of large square matrices, the best of several, by precision."""
        size = 8192 if self.device.type == "cuda" else 1024
        for precision in PRECISIONS if self.device.type == "cuda" else ("fp32",):
            torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
            dtype = torch.bfloat16 if precision == "bf16" else torch.float32
            left, right = (torch.randn(size, size, device=self.device, dtype=dtype) for _ in range(2))
            best = min(self._once(lambda: left @ right) for _ in range(8))  # noqa: B023
            self.limits[precision] = 2 * size**3 / best / 1e12
        torch.backends.cuda.matmul.allow_tf32 = False
        print(f"matrix product, TFLOP/s: {self.limits}", flush=True)

    def write(self) -> None:
        if self.out is not None:
            self.out.parent.mkdir(parents=True, exist_ok=True)
            self.out.write_text(json.dumps(self.facts | {"rows": self.rows}, indent=1) + "\n")


def counted(call: Callable[[], Any]) -> float:
    """Floating-point operations of the convolutions and matrix products of a call."""
    with FlopCounterMode(display=False) as counter:
        call()
    return float(counter.get_total_flops())


def main(
    device: Annotated[str, typer.Option(help="cuda or cpu")] = "cuda" if torch.cuda.is_available() else "cpu",
    out: Annotated[Path | None, typer.Option(help="JSON file of the rows")] = None,
    seconds: Annotated[float, typer.Option(help="after which no measurement begins")] = 140.0,
) -> None:
    """Measure and print the table."""
    place = torch.device(device)
    table = Table(place, seconds, out)
    table.measure_limits()
    networks = Networks(place)
    on_gpu = place.type == "cuda"
    precisions = PRECISIONS if on_gpu else ("fp32",)

    # A batch of training, and how near bf16 comes to fp32.
    count = counted(lambda: table.facts.update(losses_fp32=networks.training_batch("fp32", 1)))
    table.facts["training_gflop_an_image"] = count / 1e9
    if on_gpu:
        table.facts |= agreement(networks)
    training = "CGN training batch"
    for batch in (1, 16, 8, 4, 2, 32) if on_gpu else (1,):
        for precision in precisions:
            if batch < 32 or precision == "bf16":
                call = partial(networks.training_batch, precision, batch)
                table.add(training, precision, batch, call, count)
    table.add(f"Adam, once in {ACCUMULATED} images", "fp32", ACCUMULATED, networks.optimizer.step)
    networks.optimizer.zero_grad()
    networks.optimizer.state.clear()

    # Sampling.
    sampling = "counterfactuals"
    count = counted(lambda: networks.counterfactuals("fp32", 1)) if table.left() > 0 else None
    for batch in (1, 32, 8) if on_gpu else (1,):
        for precision in precisions:
            table.add(sampling, precision, batch, partial(networks.counterfactuals, precision, batch), count)

    # The classifier.
    if on_gpu:
        classifiers(table, place)
        variants(table, networks)
    table.write()
    show(table)


def agreement(networks: Networks) -> dict[str, Any]:
    """Losses in bf16, and by mechanism the cosine of the gradients of a batch in bf16 and in fp32."""
    gradients: dict[str, list[Tensor]] = {}
    losses: dict[str, float] = {}
    torch.backends.cudnn.allow_tf32 = False
    for precision in ("fp32", "bf16"):
        networks.optimizer.zero_grad()
        losses = networks.training_batch(precision, 1)
        gradients[precision] = [
            torch.cat([p.grad.flatten() for p in generator.parameters() if p.grad is not None])
            for generator in networks.cgn.generators.values()
        ]
    pairs = zip(IMAGENET_SCM.mechanisms, gradients["fp32"], gradients["bf16"], strict=True)
    cosines = {name: float(functional.cosine_similarity(a, b, dim=0)) for name, a, b in pairs}
    return {"losses_bf16": losses, "gradient_cosine_bf16_fp32": cosines}


def classifiers(table: Table, device: torch.device) -> None:
    """A step of the ensemble by precision and memory format."""
    what = "ResNet-50, three heads, step"
    for memory_format, suffix in ((torch.channels_last, ", channels last"), (torch.contiguous_format, "")):
        ensemble = Ensemble(device, memory_format)
        count = counted(partial(ensemble.step, "bf16")) / 512
        for precision in PRECISIONS:
            table.add(what + suffix, precision, 512, partial(ensemble.step, precision), count)
        del ensemble


def variants(table: Table, networks: Networks) -> None:
    """What may pay: cuDNN's search, torch.compile of one generator, channels-last memory."""
    torch.backends.cudnn.benchmark = True
    for batch in (1, 16):
        call = partial(networks.training_batch, "bf16", batch)
        table.add("CGN training batch, cudnn.benchmark", "bf16", batch, call)
    torch.backends.cudnn.benchmark = False

    networks.channels_last()
    for batch in (1, 16):
        call = partial(networks.training_batch, "bf16", batch)
        table.add("CGN training batch, channels last", "bf16", batch, call)
    call = partial(networks.counterfactuals, "bf16", 32)
    table.add("counterfactuals, channels last", "bf16", 32, call)

    generator = networks.cgn.generators["shape"]
    what = "one generator, forward and backward"
    for batch in (1, 16):
        table.add(what, "bf16", batch, partial(one_generator, generator, batch))
    generator.compile(dynamic=False)
    for batch in (16, 1):
        call = partial(one_generator, generator, batch)
        table.add(f"{what}, torch.compile", "bf16", batch, call, at_least=COMPILE_SECONDS)


def one_generator(generator: nn.Module, batch: int) -> None:
    """Forward and backward of a single BigGAN in bf16."""
    device = next(generator.parameters()).device
    noise = truncated_noise(0, "one", 0, batch, 128, 1.0).to(device)
    with autocast(device, "bf16"):
        images = generate(generator, noise, torch.arange(batch).to(device), 1.0)
    images.square().mean().backward()


def show(table: Table) -> None:
    """Print facts and rows."""
    for name, value in table.facts.items():
        print(f"{name}: {value}")
    frame = pd.DataFrame(table.rows)
    print(frame.to_markdown(index=False, floatfmt=".3g", missingval="-"))


if __name__ == "__main__":
    typer.run(main)
