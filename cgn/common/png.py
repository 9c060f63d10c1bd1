"""PNG of small images: several times as fast as Pillow's encoder, and about as small on generated ones.

For a few thousand bytes of grainy pixels the search for repeated strings costs more than it saves. Here every
row stores its difference to the row above, in runs and Huffman codes (benchmarks/speed.py).
"""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_UP = 2  # the filter that subtracts the row above
_DEPTH_AND_KIND = (8, 2, 0, 0, 0)  # bits a channel, colours, deflate, the five filters, not interlaced


def encode_png(image: NDArray[np.uint8]) -> bytes:
    """The PNG file of an image uint8 (height, width, 3) in red, green and blue."""
    height, width, channels = image.shape
    pixels = image.reshape(height, width * channels)
    rows = np.empty((height, 1 + width * channels), np.uint8)
    rows[:, 0] = _UP
    rows[0, 1:] = pixels[0]
    np.subtract(pixels[1:], pixels[:-1], out=rows[1:, 1:])
    deflate = zlib.compressobj(level=1, strategy=zlib.Z_RLE)
    return b"".join(
        (
            _SIGNATURE,
            _chunk(b"IHDR", struct.pack(">2I5B", width, height, *_DEPTH_AND_KIND)),
            _chunk(b"IDAT", deflate.compress(rows.data) + deflate.flush()),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
