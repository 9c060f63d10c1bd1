"""The size of a picture in pixels, read off its file: the page keeps its place free until it is loaded."""

from pathlib import Path
from xml.etree import ElementTree

from PIL import Image

PIXELS_PER_POINT = 4 / 3  # in CSS


def image_size(path: Path) -> tuple[int, int]:
    """Width and height of a PNG, WebP or SVG file; the SVG's are in points, as matplotlib writes them."""
    if path.suffix == ".svg":
        _, root = next(ElementTree.iterparse(path, ["start"]))
        width, height = (float(root.attrib[side].removesuffix("pt")) for side in ("width", "height"))
        return round(width * PIXELS_PER_POINT), round(height * PIXELS_PER_POINT)
    with Image.open(path) as image:
        return image.size
