"""Pictures for people: an RGB array as a PNG."""

from .png import png_bytes as png_bytes
from .png import write_picture as write_picture
