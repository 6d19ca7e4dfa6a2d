"""TIFF of any number of bands and any type that `Image` takes, read by tifffile: 16-bit, float, planar, multi-page.

Differs from reading TIFF with Pillow: that cuts 16-bit colour to 8 bits and shows four bands as three.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import KonturError, UnreadableFile
from ..core.image import Georeference

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage

_SILENT = logging.NullHandler()
_GRID_ONLY = 32767  # GeoTIFF's "user-defined": no EPSG number
_SIMPLE_PHOTOMETRIC = {0, 1, 2, 3, 5, 6}  # white is zero, black is zero, RGB, palette, CMYK, YCbCr


def open_tiff(path: Path) -> TiffFile:
    """Open and read the headers. Raises UnreadableFile."""
    from tifffile import TiffFile

    # It logs what it finds wrong before it raises; without a handler Python would print that.
    logging.getLogger("tifffile").addHandler(_SILENT)
    with damage_told(path):
        file = TiffFile(path)
        if not len(file.pages):
            raise ValueError("no image in it")
        _ = file.pages.first.shape
        return file


@contextmanager
def damage_told(path: Path) -> Iterator[None]:
    """Turn whatever damaged headers and data lead to into an UnreadableFile."""
    try:
        yield
    except (KonturError, MemoryError):
        raise
    except Exception as error:  # damaged data raises almost anything
        text = " ".join(str(error).split())[:120] or type(error).__name__
        raise UnreadableFile(f"{path}: expected a whole TIFF image, got a damaged or cut off one ({text})") from None


def first_page(file: TiffFile) -> TiffPage:
    page: Any = file.pages.first
    return page


def pillow_reads_it(file: TiffFile) -> bool:
    """Whether Pillow gives this file's pixels as they are: 8-bit grey, palette, RGB, with alpha, or CMYK, in one plane.

    Pillow has more decompressors (LZW, JPEG) than tifffile alone, and turns palettes, YCbCr and CMYK into colours.
    """
    page = first_page(file)
    bits = page.bitspersample if isinstance(page.bitspersample, int) else max(page.bitspersample)
    extra = [int(e) for e in page.extrasamples]
    colours = page.samplesperpixel - len(extra)
    band_axes = [n for axis, n in zip(file.series[0].axes, file.series[0].shape, strict=True) if axis == "C"]
    return (
        bits <= 8
        and page.sampleformat in (1, None)
        and int(page.photometric) in _SIMPLE_PHOTOMETRIC
        and colours in (1, 3, 4)
        and (not extra or (len(extra) == 1 and extra[0] in (1, 2) and colours in (1, 3)))
        and (page.samplesperpixel == 1 or page.planarconfig == 1)
        and all(n == 1 for n in band_axes)
    )


def read_pixels(file: TiffFile, path: Path, notes: list[str]) -> tuple[NDArray, int]:
    """(H, W) or (H, W, C) in the file's own type, and the orientation that is still to be applied.

    Of further pages only those that hold bands are read. Raises UnreadableFile for several bands in a compression that
    tifffile alone has not, and whatever damaged data leads to.
    """
    page: Any = first_page(file)
    series = file.series[0]
    if "C" in series.axes and series.axes.count("Y") == 1 and len(series.pages) > 1:
        pixels, axes = _bands_from_pages(file, notes)
        turned = orientation(file)
    else:
        pixels, turned = read_raw(file, path)
        axes = page.axes if pixels.ndim == len(page.axes) else "YX"
        if len(file.pages) > 1:
            notes.append(f"first of {len(file.pages)} pages")
    order = [axes.index("Y"), axes.index("X")] + [i for i, a in enumerate(axes) if a not in "YX"]
    pixels = pixels.transpose(order)
    height, width = pixels.shape[:2]
    pixels = pixels.reshape(height, width, -1) if pixels.ndim > 2 else pixels
    if int(page.photometric) == 0 and pixels.dtype in (np.bool_, np.uint8, np.uint16):
        pixels = ~pixels if pixels.dtype == bool else np.iinfo(pixels.dtype).max - pixels
        notes.append("white is zero: inverted")
    if int(page.photometric) == 3 and page.colormap is not None and pixels.ndim == 2:
        pixels = (page.colormap.T[pixels] >> 8).astype(np.uint8)
        notes.append("palette turned into RGB")
    return np.ascontiguousarray(pixels), turned


def _bands_from_pages(file: TiffFile, notes: list[str]) -> tuple[NDArray, str]:
    """Bands kept as one page each (ImageJ, OME): all of the first position along every other axis."""
    series = file.series[0]
    counts = dict(zip(series.axes, series.shape, strict=True))
    further = {axis: n for axis, n in counts.items() if axis not in "CYXS" and n > 1}
    if further:
        notes.append("first along " + ", ".join(f"{axis} (of {n})" for axis, n in further.items()))
    stack = [(axis, n) for axis, n in counts.items() if axis not in "YXS"]
    stride = math.prod(n for axis, n in stack[[axis for axis, _ in stack].index("C") + 1 :])
    pages = [series.pages[band * stride] for band in range(counts["C"])]
    if any(p is None for p in pages):
        raise ValueError("a band is missing")
    bands = np.stack([p.asarray() for p in pages if p is not None])
    return bands, "C" + (pages[0].axes if pages[0] is not None else "YX")


def read_raw(file: TiffFile, path: Path) -> tuple[NDArray, int]:
    """The first page's own values, palettes as indices, and the orientation that is still to be applied.

    Pillow helps with one band that tifffile alone cannot decompress (LZW); it applies the orientation itself.
    """
    from PIL.TiffImagePlugin import TiffImageFile

    page: Any = first_page(file)
    try:
        return np.asarray(page.asarray()), orientation(file)
    except ValueError as error:
        if "imagecodecs" not in str(error):
            raise
    if page.samplesperpixel > 1:
        raise UnreadableFile(
            f"{path}: expected an uncompressed or deflate TIFF, got {page.compression.name} of {page.samplesperpixel} "
            f"bands {page.dtype}. Save it with deflate, or pip install imagecodecs."
        )
    with path.open("rb") as raw:
        values = np.asarray(TiffImageFile(raw))
    if page.dtype is not None and values.dtype.kind != page.dtype.kind and values.dtype != bool:
        values = values.astype(page.dtype)
    return values.astype(values.dtype.newbyteorder("=")), 1


def orientation(file: TiffFile) -> int:
    """The orientation tag, 1 to 8; 1 where there is none."""
    tag = first_page(file).tags.get(274)
    return int(tag.value) if tag is not None else 1


def georeference(file: TiffFile) -> Georeference | None:
    """Where a GeoTIFF lies: its EPSG number and pixel scale and tie point, or matrix; None for other files."""
    page = first_page(file)
    tags = page.geotiff_tags if page.is_geotiff else None
    if not tags:
        return None
    code = tags.get("ProjectedCSTypeGeoKey", tags.get("GeographicTypeGeoKey"))
    if "ModelTransformation" in tags:
        m = np.asarray(tags["ModelTransformation"], float).reshape(4, 4)
        affine = (m[0, 0], m[0, 1], m[0, 3], m[1, 0], m[1, 1], m[1, 3])
    elif "ModelPixelScale" in tags and "ModelTiepoint" in tags:
        across, down = (float(v) for v in tags["ModelPixelScale"][:2])
        column, row, _, x, y = (float(v) for v in np.ravel(tags["ModelTiepoint"])[:5])
        affine = (across, 0.0, x - column * across, 0.0, -down, y + row * down)
    else:
        return None
    number = int(code) if code is not None else 0
    a, b, c, d, e, f = (float(v) for v in affine)
    return Georeference(f"EPSG:{number}" if number not in (0, _GRID_ONLY) else "", (a, b, c, d, e, f))
