"""What Pillow raises on a file that is no image, is damaged, or is too large to be meant."""

from PIL import Image

UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)
