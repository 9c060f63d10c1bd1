"""Random numbers that are a function of a seed and a name, or of a seed, a name and an index.

No function here keeps state. What a stage draws therefore does not depend on earlier stages, on the
number of workers or on the order in which samples are computed.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

_WORDS_PER_COUNTER = 4  # Philox yields four 64-bit words for each counter value


def seed_for(seed: int, *names: str | int) -> int:
    """A 63-bit seed for one purpose, e.g. `seed_for(0, "cgn", "colored_mnist")`."""
    text = "/".join(str(part) for part in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 1


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """A numpy generator for one purpose, seeded by `seed_for`."""
    return np.random.Generator(np.random.Philox(key=seed_for(seed, *names)))


def indexed_uniforms(seed: int, name: str, start: int, stop: int, width: int) -> NDArray[np.float64]:
    """Rows start to stop - 1 of an unlimited table of uniforms on [0, 1), shape (stop - start, width).

    Philox is counter-based, so a row depends on seed, name and its index only.
    """
    counters_per_row = -(-width // _WORDS_PER_COUNTER)
    philox = np.random.Philox(key=seed_for(seed, name)).advance(start * counters_per_row)
    words = philox.random_raw((stop - start) * counters_per_row * _WORDS_PER_COUNTER)
    uniforms = (words >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return uniforms.reshape(stop - start, counters_per_row * _WORDS_PER_COUNTER)[:, :width]


def indexed_integers(seed: int, name: str, start: int, stop: int, high: int) -> NDArray[np.int64]:
    """Entries start to stop - 1, shape (stop - start,), of an unlimited list of uniforms on 0 to high - 1."""
    return (indexed_uniforms(seed, name, start, stop, 1)[:, 0] * high).astype(np.int64)


def indexed_normals(seed: int, name: str, start: int, stop: int, width: int) -> NDArray[np.float32]:
    """Rows start to stop - 1 of an unlimited table of normals (Box-Muller), shape (stop - start, width)."""
    uniforms = indexed_uniforms(seed, name, start, stop, 2 * width)
    radius = np.sqrt(-2.0 * np.log1p(-uniforms[:, :width]))
    return (radius * np.cos(2.0 * np.pi * uniforms[:, width:])).astype(np.float32)
