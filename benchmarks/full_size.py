"""The ImageNet CGN at the paper's size, with random weights: time, memory and arithmetic of its steps.

`python -m benchmarks.full_size --out FILE.json` measures, the most important first, for as long as
`--seconds` allows (on one H200 430 are enough for all), and prints a table:

- a training batch of the CGN (BigGAN-deep-256 four times, U2-Net, VGG16-BN): forward, six losses, backward;
- Adam's update of the three generators, which comes once in `accumulation` batches (the paper: 4,000 of 1);
- counterfactuals an image at a time and in batches, truncation 0.5, to bytes on the host;
- both recorded as a CUDA graph and replayed, as `train_cgn` does it, and launched kernel by kernel;
- a step of a ResNet-50 with three heads on 256 real and 256 counterfactual images of 224 pixels;
- whether channels-last memory, cuDNN's search for algorithms and torch.compile pay.

Precisions: `fp32` all in float32; `tf32` torch's default on a GPU, convolutions in TF32 (both are
`precision: fp32` of params.yaml); `bf16` autocast. `share` is that of a large matrix product of the same
precision in the same run.
"""

import gc
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
from cgn.networks.biggan import generate, truncated_noise
from cgn.scm import IMAGENET_SCM
from cgn.training.device import WARM_UP, side_stream

PRECISIONS = ("bf16", "tf32", "fp32")
COMPILE_SECONDS = 130  # that must be left for a compilation to begin; it takes 100 on an H200


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
        make: Callable[[], Callable[[], Any]],
        flops: float | None = None,  # of an image
        at_least: float = 0.0,  # seconds that must be left
    ) -> None:
        """Measure the call that `make` gives, which works on `batch` images, unless the time is over."""
        name = f"{what}, {precision}, {batch}"
        if self.left() < at_least or self.left() < 0:
            self.facts["skipped"].append(name)
            return
        row: dict[str, Any] = {"what": what, "precision": precision, "batch": batch}
        torch.backends.cudnn.allow_tf32 = precision != "fp32"
        try:
            seconds, spread = self._seconds(make())
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
        gc.collect()  # a recorded graph keeps its memory
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        self.rows.append(row)
        print(f"{self.left():6.0f} s left: {name}: {row.get('ms', float('nan')):.1f} ms", flush=True)
        self.write()

    def _seconds(self, call: Callable[[], Any]) -> tuple[float, float]:
        """Median of a call, and the distance of the quartiles; a slow call is not repeated."""
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        times = [self._once(call)]
        if times[0] < 5:
            for _ in range(WARM_UP):  # the last one records
                self._once(call)
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
            text = json.dumps(self.facts | {"rows": self.rows}, indent=1) + "\n"
            self.out.write_text(text, encoding="utf-8")


def counted(call: Callable[[], Any]) -> float:
    """Floating-point operations of the convolutions and matrix products of a call."""
    with FlopCounterMode(display=False) as counter:
        call()
    return float(counter.get_total_flops())


def main(
    device: Annotated[str, typer.Option(help="cuda or cpu")] = "cuda" if torch.cuda.is_available() else "cpu",
    out: Annotated[Path | None, typer.Option(help="JSON file of the rows")] = None,
    seconds: Annotated[float, typer.Option(help="after which no measurement begins")] = 430.0,
) -> None:
    """Measure and print the table."""
    table = Table(torch.device(device), seconds, out)
    signal.signal(signal.SIGALRM, _stop)
    signal.setitimer(signal.ITIMER_REAL, 2 * seconds if device == "cpu" else seconds + 5)  # a compilation
    try:
        with side_stream(table.device):
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

    # Operations of an image, and how near bf16 comes to fp32.
    count = counted(networks.training("fp32", 1, replayed=False))
    table.facts["training_gflop_an_image"] = count / 1e9
    if on_gpu:
        table.facts |= agreement(networks)
    networks.optimizer.step()  # Adam's moments take their memory from here on

    def training(how: str, replayed: bool, batches: tuple[int, ...], precisions: tuple[str, ...]) -> None:
        for batch in batches:
            for precision in precisions:
                make = partial(networks.training, precision, batch, replayed)
                table.add(f"CGN training batch, {how}", precision, batch, make, count)

    if on_gpu:
        training("replayed", True, (1, 16, 8, 32), PRECISIONS)
        training("kernel by kernel", False, (1, 16), ("bf16", "tf32"))
    else:
        training("kernel by kernel", False, (1,), ("fp32",))
    update = partial(lambda: networks.optimizer.step)
    table.add(f"Adam, once in {ACCUMULATED} images", "fp32", ACCUMULATED, update)
    networks.optimizer.zero_grad(set_to_none=False)

    # Sampling.
    sampled = counted(networks.counterfactuals("fp32", 1, replayed=False)) if table.left() > 0 else None
    for replayed, how in ((True, "replayed"), (False, "kernel by kernel")) if on_gpu else ((False, "CPU"),):
        for batch in (1, 32, 8) if on_gpu else (1,):
            for precision in ("bf16", "tf32") if on_gpu else ("fp32",):
                make = partial(networks.counterfactuals, precision, batch, replayed)
                table.add(f"counterfactuals, {how}", precision, batch, make, sampled)

    if on_gpu:
        classifiers(table)
        torch.backends.cudnn.benchmark = True
        training("replayed, cudnn.benchmark", True, (16, 1), ("bf16", "tf32"))
        torch.backends.cudnn.benchmark = False
        networks.channels_last()
        training("replayed, channels last", True, (16, 1), ("bf16", "tf32"))
        compiled(table, networks.cgn.generators["shape"])


def agreement(networks: Networks) -> dict[str, Any]:
    """Losses of a batch in both precisions, and the cosine of their gradients by mechanism."""
    gradients: dict[str, list[Tensor]] = {}
    losses: dict[str, list[float]] = {}
    torch.backends.cudnn.allow_tf32 = False
    for precision in ("fp32", "bf16"):
        networks.optimizer.zero_grad(set_to_none=False)
        losses[precision] = networks.training(precision, 1, replayed=False)().tolist()
        gradients[precision] = [
            torch.cat([p.grad.flatten() for p in generator.parameters() if p.grad is not None])
            for generator in networks.cgn.generators.values()
        ]
    pairs = zip(IMAGENET_SCM.mechanisms, gradients["fp32"], gradients["bf16"], strict=True)
    cosines = {name: float(functional.cosine_similarity(a, b, dim=0)) for name, a, b in pairs}
    return {"losses_and_mask_mean": losses, "gradient_cosine_bf16_fp32": cosines}


def classifiers(table: Table) -> None:
    """A step of the ensemble by precision and memory format."""
    what = "ResNet-50, three heads, step"
    for memory_format, suffix in ((torch.channels_last, ", channels last"), (torch.contiguous_format, "")):
        if table.left() > 0:
            ensemble = Ensemble(table.device, memory_format)
            count = counted(partial(ensemble.step, "bf16")) / 512
            for precision in PRECISIONS:
                table.add(what + suffix, precision, 512, partial(partial, ensemble.step, precision), count)


def compiled(table: Table, generator: nn.Module) -> None:
    """Forward and backward of one BigGAN, kernel by kernel and under torch.compile."""
    what = "one generator, forward and backward"
    for batch in (16, 1):
        call = partial(one_generator, generator, batch)
        table.add(f"{what}, kernel by kernel", "bf16", batch, partial(partial, call))
    generator.compile(dynamic=False)
    for batch in (16, 1):
        make = partial(compiled_call, generator, batch)
        table.add(f"{what}, torch.compile", "bf16", batch, make, at_least=COMPILE_SECONDS)


def compiled_call(generator: nn.Module, batch: int) -> Callable[[], None]:
    """`one_generator` after its first call, which compiles and is not measured."""
    call = partial(one_generator, generator, batch)
    call()
    return call


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
    rows = pd.DataFrame(table.rows, dtype=object).replace({float("nan"): None})
    print(rows.to_markdown(index=False, floatfmt=".3g", missingval="-"))


if __name__ == "__main__":
    typer.run(main)
