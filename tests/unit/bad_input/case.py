"""A case of bad input, and what several tables make their files of."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

Act = Callable[[Path], object]
HTML = b"<!doctype html><title>404</title>\n"
NOISE = np.random.default_rng(0).integers(256, size=(24, 40, 3), dtype=np.uint8)
ROOT = Path(__file__).resolve().parents[3]
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 1\n"


class Case(NamedTuple):
    name: str
    act: Act  # with an empty folder
    line: str  # a pattern of the message


def png(values: Any = ((1, 2), (3, 4)), form: str = "png", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image = values if isinstance(values, Image.Image) else Image.fromarray(np.array(values, np.uint8))
    image.save(buffer, form, **options)
    return buffer.getvalue()


def file(name: str, content: bytes, act: Callable[[Path], object]) -> Act:
    """`act` on a file of this content."""

    def prepared(folder: Path) -> object:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return act(path)

    return prepared


def bomb(width: int, height: int) -> bytes:
    size = b"IHDR" + struct.pack(">II", width, height) + png()[24:29]
    return png()[:12] + size + struct.pack(">I", zlib.crc32(size)) + png()[33:]
