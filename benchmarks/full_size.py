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
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import pandas as pd
import torch
import typer
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.full_size_networks import ACCUMULATED, Ensemble, Networks, autocast
from cgn.imagenet.networks.biggan import generate, truncated_noise
from cgn.scm import IMAGENET_SCM

PRECISIONS = ("bf16", "tf32", "fp32")
COMPILE_SECONDS = 40  # that must be left for a compilation to begin


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
        times = [self._once(call)]
        if times[0] < 5:
            self._once(call)
            if self.device.type == "cuda":
                torch.cuda.reset_peak_memory_stats()
            times = []
            while len(times) < 5 or (len(times) < 30 and sum(times) < 1.2):
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
    table = Table(torch.device(device), seconds, out)
    signal.signal(signal.SIGALRM, _stop)
    signal.setitimer(signal.ITIMER_REAL, 2 * seconds if device == "cpu" else seconds + 5)  # a compilation
    try:
        measure(table)
    except TimeoutError:
        table.facts["skipped"].append("what followed the last row")
    finally:  # whatever failed, what is measured is kept
        table.write()
        show(table)


def _stop(*_: Any) -> None:
    raise TimeoutError("the time is over")


def measure(table: Table) -> None:
    """All rows, the most important first."""
    table.measure_limits()
    networks = Networks(table.device)
    on_gpu = table.device.type == "cuda"
    precisions = PRECISIONS if on_gpu else ("fp32",)

    # A batch of training, and how near bf16 comes to fp32.
    count = counted(lambda: networks.training_batch("fp32", 1))
    table.facts["training_gflop_an_image"] = count / 1e9
    if on_gpu:
        table.facts |= agreement(networks)
    networks.optimizer.step()  # Adam's moments take their memory from here on
    call: Callable[[], Any]
    training = "CGN training batch"
    for batch in (1, 16, 8, 4, 2, 32) if on_gpu else (1,):
        for precision in precisions:
            if batch < 32 or precision == "bf16":
                call = partial(networks.training_batch, precision, batch)
                table.add(training, precision, batch, call, count)
    table.add(f"Adam, once in {ACCUMULATED} images", "fp32", ACCUMULATED, networks.optimizer.step)
    networks.optimizer.zero_grad()

    # Sampling.
    sampling = "counterfactuals"
    count = counted(lambda: networks.counterfactuals("fp32", 1))
    for batch in (1, 32, 8) if on_gpu else (1,):
        for precision in precisions:
            table.add(sampling, precision, batch, partial(networks.counterfactuals, precision, batch), count)

    # The classifier.
    if on_gpu:
        classifiers(table)
        variants(table, networks)


def agreement(networks: Networks) -> dict[str, Any]:
    """Losses of a batch in both precisions, and the cosine of their gradients by mechanism."""
    gradients: dict[str, list[Tensor]] = {}
    losses: dict[str, dict[str, float]] = {}
    torch.backends.cudnn.allow_tf32 = False
    for precision in ("fp32", "bf16"):
        networks.optimizer.zero_grad()
        drawn = networks.training_batch(precision, 1)
        losses[precision] = {name: loss.item() for name, loss in drawn.items()}
        gradients[precision] = [
            torch.cat([p.grad.flatten() for p in generator.parameters() if p.grad is not None])
            for generator in networks.cgn.generators.values()
        ]
    pairs = zip(IMAGENET_SCM.mechanisms, gradients["fp32"], gradients["bf16"], strict=True)
    cosines = {name: float(functional.cosine_similarity(a, b, dim=0)) for name, a, b in pairs}
    return {"losses": losses, "gradient_cosine_bf16_fp32": cosines}


def classifiers(table: Table) -> None:
    """A step of the ensemble by precision and memory format."""
    what = "ResNet-50, three heads, step"
    for memory_format, suffix in ((torch.channels_last, ", channels last"), (torch.contiguous_format, "")):
        ensemble = Ensemble(table.device, memory_format)
        count = counted(partial(ensemble.step, "bf16")) / 512
        for precision in PRECISIONS:
            table.add(what + suffix, precision, 512, partial(ensemble.step, precision), count)
        del ensemble


def variants(table: Table, networks: Networks) -> None:
    """What may pay: cuDNN's search, torch.compile of one generator, channels-last memory."""
    call: Callable[[], Any]
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
    torch.autograd.backward(images.square().mean())


def show(table: Table) -> None:
    """Print facts and rows."""
    for name, value in table.facts.items():
        print(f"{name}: {value}")
    print(pd.DataFrame(table.rows).to_markdown(index=False, floatfmt=".3g", missingval="-"))


if __name__ == "__main__":
    typer.run(main)
