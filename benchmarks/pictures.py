"""Image files that take about as long to read as photos do."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cgn.io.shards import Sample, write_shards

DIFFERENT = 16  # images, which are repeated
CLASSES = 4


def pink_noise(height: int, width: int, seed: int) -> NDArray[np.uint8]:
    """An image (height, width, 3) whose amplitudes fall with the frequency, as those of photos do."""
    rng = np.random.default_rng(seed)
    rows, columns = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    frequency = np.hypot(rows, columns)
    frequency[0, 0] = 1.0
    shape = (4, height, columns.size)
    waves = (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) / frequency
    grey, *colours = np.fft.irfft2(waves, s=(height, width))
    image = np.stack([grey + 0.3 * colour for colour in colours], axis=2)
    scaled: NDArray[np.float64] = 128 + 50 * (image - image.mean()) / image.std()
    return scaled.clip(0, 255).astype(np.uint8)


def write_photos(folder: Path, count: int) -> list[Path]:
    """JPEGs of 500 x 375 pixels in folders of classes; their bytes are those of a photo of ImageNet."""
    images = [Image.fromarray(pink_noise(375, 500, seed)) for seed in range(DIFFERENT)]
    return _write(folder, images, count, "jpg", quality=90)


def write_counterfactuals(folder: Path, count: int) -> tuple[Path, Path, Path]:
    """Images of 256 pixels as shards of PNGs, as files in folders, and as JPEGs of quality 95 in folders."""
    arrays = [pink_noise(256, 256, seed) for seed in range(DIFFERENT)]
    labels = dict.fromkeys(("shape", "texture", "background"), 0)
    samples = (
        Sample(arrays[index % DIFFERENT], {"index": index, "labels": labels | {"shape": index % CLASSES}})
        for index in range(count)
    )
    write_shards(folder / "shards", samples, max(1, count // 2))
    images = [Image.fromarray(array) for array in arrays]
    _write(folder / "png", images, count, "png", compress_level=1)
    _write(folder / "jpg", images, count, "jpg", quality=95)
    return folder / "shards", folder / "png", folder / "jpg"


def _write(folder: Path, images: list[Image.Image], count: int, ending: str, **options: int) -> list[Path]:
    files = [folder / f"class_{index % CLASSES}" / f"{index:05d}.{ending}" for index in range(count)]
    for index, file in enumerate(files):
        file.parent.mkdir(parents=True, exist_ok=True)
        images[index % DIFFERENT].save(file, **options)  # type: ignore[arg-type]
    return files
