"""IDX files and images."""

import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from cgn.data.mnist.digits import load_digits
from cgn.data.params import DigitsBudget
from cgn.io.images import read_image
from tests.unit.bad_input.case import HTML, NOISE, POINTER, Act, Case, bomb, file, png


def idx(values: Any, kind: int = 8) -> bytes:
    array = np.array(values, np.uint8)
    return bytes([0, 0, kind, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


IMAGES, LABELS = idx(np.zeros((3, 28, 28))), idx([1, 2, 3])


def mnist(images: bytes | None = IMAGES, labels: bytes | None = LABELS, train: int = 1) -> Act:
    def act(folder: Path) -> object:
        for part, name, content in (
            *((part, "images-idx3", IMAGES) for part in ("t10k", "train")),
            *((part, "labels-idx1", LABELS) for part in ("t10k", "train")),
            ("train", "images-idx3", images),
            ("train", "labels-idx1", labels),
        ):
            path = folder / f"{part}-{name}-ubyte"
            path.write_bytes(content) if content is not None else path.unlink()
        counts = {"train": train, "validation": 0, "test": 1}
        budget = DigitsBudget.model_construct(source="idx", folder=str(folder), test_digits="test", **counts)
        return load_digits(budget, 0)

    return act


DIGITS = [
    Case("IDX cut", mnist(IMAGES[:-5]), r"train-images-idx3-ubyte: truncated, .*; fetch the file again"),
    Case("IDX cut in its header", mnist(IMAGES[:9]), r"train-images-.*: truncated, 9 bytes .*; fetch"),
    Case("IDX empty", mnist(b""), r"train-images-idx3-ubyte: truncated, 0 bytes .*; fetch"),
    Case("IDX too long", mnist(IMAGES + b"0"), r"train-images-.*: too long, .*; fetch"),
    Case("IDX with another magic", mnist(idx([1], kind=9)), r"train-images-.*: magic number 00000901 where"),
    Case("IDX swapped", mnist(LABELS, IMAGES), r"train-images-idx3-ubyte: magic number 00000801 where"),
    Case("IDX is HTML", mnist(HTML), r"train-images-.*: magic number 3c21646f where .* not this kind of IDX"),
    Case("IDX is a pointer", mnist(POINTER), r"train-images-.*: magic number .* not this kind of IDX"),
    Case("IDX gzip cut", mnist(gzip.compress(IMAGES)[:-9]), r"-ubyte: damaged or truncated gzip .*; fetch"),
    Case("IDX gzip damaged", mnist(b"\x1f\x8b" + b"x" * 99), r"-ubyte: damaged or truncated gzip .*; fetch"),
    Case("IDX of another size", mnist(idx(np.zeros((3, 8, 8)))), r"images of 8x8 pixels, expected 28x28"),
    Case("IDX of two lengths", mnist(labels=idx([1, 2])), r"train-labels-.*: 2 labels for the 3 images of"),
    Case("IDX with label 11", mnist(labels=idx([1, 2, 11])), r"train-labels-.*: label 11, expected 0 to 9"),
    Case("IDX absent", mnist(labels=None), r"train-labels-idx1-ubyte\[\.gz\]: not found; the folder needs"),
    Case("IDX with too few", mnist(train=9), r"digits\.train: 9 asked, .* has 3; lower the count"),
]


UNREADABLE = r"a\.png: not a readable image \({}.*\); replace or remove it"


def image(content: bytes) -> Act:
    return file("a.png", content, read_image)


def animation_of_nothing() -> bytes:
    frames = [Image.fromarray(NOISE), Image.fromarray(NOISE[::-1])]
    return png(frames[0], "gif", save_all=True, append_images=frames[1:])[:200]


PICTURES = [
    Case("image empty", image(b""), UNREADABLE.format("unknown format")),
    Case("image is HTML", image(HTML), UNREADABLE.format("unknown format")),
    Case("image is a pointer", image(POINTER), UNREADABLE.format("unknown format")),
    Case("image cut", image(png(NOISE)[:1000]), UNREADABLE.format("")),
    Case("JPEG cut", image(png(NOISE, "jpeg")[:300]), UNREADABLE.format("")),
    Case("animation cut", image(animation_of_nothing()), UNREADABLE.format("")),
    Case("image bomb", image(bomb(200_000, 200_000)), UNREADABLE.format("Image size")),
    Case("image without width", image(bomb(0, 5)), UNREADABLE.format("")),
    Case("PostScript", image(b"%!PS-Adobe-3.0 EPSF-3.0\n"), UNREADABLE.format("unknown format")),
    Case("SVG", image(b"<svg onload='alert(1)'/>"), UNREADABLE.format("unknown format")),
    Case(
        "32 bits out of range",
        image(png(Image.fromarray(np.array([[0, 70000]], np.int32)), "tiff")),
        UNREADABLE.format("values from 0 to 70000 in mode I"),
    ),
    Case(
        "floats of bytes",
        image(png(Image.fromarray(np.array([[0, 200]], np.float32)), "tiff")),
        UNREADABLE.format("values from 0 to 200 in mode F"),
    ),
    Case(
        "floats with NaN",
        image(png(Image.fromarray(np.array([[0, np.nan]], np.float32)), "tiff")),
        UNREADABLE.format("values from nan to nan in mode F"),
    ),
    Case(
        "a folder named .png", lambda folder: read_image(folder), r": not a readable image \(Is a directory"
    ),
    Case("image absent", lambda folder: read_image(folder / "a.png"), UNREADABLE.format("No such file")),
]
