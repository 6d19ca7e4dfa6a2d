"""Very large TIFFs, read by rectangles and written by rows, so that neither the image nor the result is ever one array.

Read: the first page, 8 or 16 bits or float, grey, RGB, palette or any number of bands, in tiles, in strips or raw, uncompressed
or in a compression that tifffile has. Written: one band of ids in deflated tiles of 256 x 256, BigTIFF where it may pass 4 GB.
"""

from __future__ import annotations

import queue
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError, UnreadableFile
from ..core.files import atomic_path
from . import photos, tiff

SIDE = 256
_GEO_TAGS = (33550, 33922, 34264, 34735, 34736, 34737)
_GREY, _WHITE_IS_ZERO, _PALETTE, _CMYK, _YCBCR = 1, 0, 3, 5, 6
_CACHE = 32 << 20
_MOST_CACHE = 768 << 20
_MOST_SEGMENT = 256 << 20
_CLASSIC = (1 << 32) - (1 << 26)


def tiff_size(path: Path) -> tuple[int, int] | None:
    """(H, W) of a TIFF, by its header; None for any other file, and for a damaged one."""
    try:
        with photos.opened(path) as file:
            if photos.kind_of(file, path) != "TIFF":
                return None
        with tiff.open_tiff(path) as opened:
            page = tiff.first_page(opened)
            return int(page.imagelength), int(page.imagewidth)
    except InputError:
        return None  # who reads it says what is wrong with it


class TiffWindows:
    """A TIFF of any size: `read(rows, columns)` gives a rectangle as `read_image` would give it. For one thread at a time.

    shape: (H, W). bands: their names. band_rows: how many rows of a rectangle to expect, for the cache of decoded tiles.

    Raises UnreadableFile for a file that is damaged, InputError for a form that cannot be read by rectangles; `limits`
    for NaN.
    """

    def __init__(self, path: str | Path, *, band_rows: int = 1024) -> None:
        self.path = Path(path)
        with photos.opened(self.path) as file:
            if photos.kind_of(file, self.path) != "TIFF":
                raise InputError(f"{self.path}: expected a TIFF, as only these can be read by rectangles")
        self._file = tiff.open_tiff(self.path)
        try:
            self._page: Any = tiff.first_page(self._file)
            self._raw = self.path.open("rb", buffering=0)
        except BaseException:
            self._file.close()
            raise
        self._kept: OrderedDict[int, NDArray] = OrderedDict()
        self._kept_bytes, self._most_kept = 0, _CACHE
        try:
            with tiff.damage_told(self.path):
                self._read_header(band_rows)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._file.close()
        self._raw.close()

    def __enter__(self) -> TiffWindows:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, rows: slice, columns: slice) -> NDArray:
        """Pixels (h, w) or (h, w, C) of rows and columns inside the image."""
        with tiff.damage_told(self.path):
            if self._page.is_final:
                pixels = self._read_raw(rows, columns)
            else:
                pixels = self._read_segments(rows, columns)
        return self._as_an_image_has_it(pixels)

    def geo_tags(self) -> list[tuple[int, int, int, Any, bool]]:
        """What says where a GeoTIFF lies, to be written into another TIFF of the same size."""
        tags = (self._page.tags.get(code) for code in _GEO_TAGS)
        return [(t.code, int(t.dtype), t.count, t.value, True) for t in tags if t is not None]

    # --- the header ---------------------------------------------------------------------------------------------------

    def _read_header(self, band_rows: int) -> None:
        page = self._page
        self.shape = (int(page.imagelength), int(page.imagewidth))
        self._samples = int(page.samplesperpixel)
        self._planar = self._samples > 1 and int(page.planarconfig) == 2
        self._colours = int(page.photometric)
        extra = [int(e) for e in page.extrasamples]
        self._alpha = extra[-1:] in ([1], [2]) and self._samples in (2, 4) and page.dtype.kind == "u"
        self.notes: list[str] = []
        self._refuse()
        if len(self._file.pages) > 1:
            self.notes.append(f"first of {len(self._file.pages)} pages")
        if self._alpha:
            self.notes.append("alpha composited on white")
        if self._colours == _WHITE_IS_ZERO:
            self.notes.append("white is zero: inverted")
        if self._colours == _PALETTE:
            self.notes.append("palette turned into RGB")
        count = 3 if self._colours == _PALETTE else self._samples - self._alpha
        self.bands = {1: ("grey",), 3: ("red", "green", "blue")}.get(count) or tuple(
            f"band{i + 1}" for i in range(count)
        )
        self.dtype = np.dtype(np.uint8 if self._colours == _PALETTE else page.dtype)
        tall, wide = (page.tilelength, page.tilewidth) if page.is_tiled else (page.rowsperstrip, self.shape[1])
        self._segment = (min(int(tall), self.shape[0]) if not page.is_tiled else int(tall), int(wide))
        self._grid = tuple(-(-n // s) for n, s in zip(self.shape, self._segment, strict=True))
        row_bytes = self._samples * page.dtype.itemsize * self.shape[1]
        if (
            not page.is_final
            and self._segment[0] * self._segment[1] * self._samples * page.dtype.itemsize > _MOST_SEGMENT
        ):
            raise InputError(
                f"{self.path}: expected tiles, or strips of a few rows, got {self._segment[0]} rows in one compressed strip. "
                "Save it in tiles (gdal_translate -co TILED=YES)"
            )
        self._most_kept = min(_MOST_CACHE, max(_CACHE, row_bytes * (band_rows + 2 * self._segment[0])))

    def _refuse(self) -> None:
        page = self._page
        advice = "Save it as grey, RGB or bands of 8 or 16 bits or float32, uncompressed or deflated, in tiles"
        form = f"{page.dtype} {page.photometric.name} {page.compression.name}"
        fitting = page.dtype is not None and page.dtype in (np.uint8, np.uint16, np.float16, np.float32, np.float64)
        if not fitting or self._colours in (_CMYK, _YCBCR) or page.imagedepth > 1:
            raise InputError(f"{self.path}: cannot be read by rectangles: {form}. {advice}")
        if self._colours == _PALETTE and (page.dtype != np.uint8 or self._samples > 1):
            raise InputError(f"{self.path}: cannot be read by rectangles: a palette of {form}. {advice}")
        if tiff.orientation(self._file) != 1 and tiff.georeference(self._file) is None:
            raise InputError(f"{self.path}: cannot be read by rectangles: it is stored turned. Save it upright")
        try:
            _ = page.decode
            if not page.is_final:
                self._decoded(0)
        except ValueError as error:
            if "imagecodecs" not in str(error):
                raise
            raise UnreadableFile(
                f"{self.path}: expected an uncompressed or deflated TIFF, got {page.compression.name}. Save it with deflate, "
                "or pip install imagecodecs"
            ) from None

    @cached_property
    def limits(self) -> tuple[float, float]:
        """The values that become 0 and 1, as `Image.limits`; of other than 8 bits by reading the whole file once, in strips."""
        if self.dtype == np.uint8:
            return 0.0, 255.0
        low, high = np.inf, -np.inf
        height, width = self.shape
        step = max(self._segment[0], min(256, height))
        for top in range(0, height, step):
            pixels = self.read(slice(top, min(top + step, height)), slice(0, width))
            lowest, highest = float(pixels.min()), float(pixels.max())
            if not np.isfinite([lowest, highest]).all():
                raise InputError(
                    f"{self.path}: pixels: expected finite values, got NaN or infinite in rows {top}..{top + step - 1}. Fill them first"
                )
            low, high = min(low, lowest), max(high, highest)
        return (0.0, 1.0) if self.dtype.kind == "f" and low >= 0 and high <= 1 else (low, high)

    # --- pixels -------------------------------------------------------------------------------------------------------

    def _as_an_image_has_it(self, pixels: NDArray) -> NDArray:
        if self._colours == _WHITE_IS_ZERO and pixels.dtype.kind == "u":
            pixels = np.iinfo(pixels.dtype).max - pixels
        if self._colours == _PALETTE:
            return (self._page.colormap.T[pixels[..., 0]] >> 8).astype(np.uint8)
        if self._alpha:
            pixels = photos.on_white(pixels[..., :-1], pixels[..., -1])
        if pixels.ndim == 3 and pixels.shape[2] == 1:
            pixels = pixels[..., 0]
        return pixels.astype(np.float32) if pixels.dtype.kind == "f" else pixels

    def _read_raw(self, rows: slice, columns: slice) -> NDArray:
        """Uncompressed and in one piece: row after row, only the bytes that are asked for."""
        dtype = np.dtype(self._page.dtype).newbyteorder(self._file.byteorder)
        height, width = rows.stop - rows.start, columns.stop - columns.start
        together = 1 if self._planar else self._samples
        planes = self._samples // together
        out = np.empty((planes, height, width * together), dtype)
        first, per_pixel = int(self._page.dataoffsets[0]), together * dtype.itemsize
        for plane in range(planes):
            for y in range(height):
                at = (plane * self.shape[0] + rows.start + y) * self.shape[1] + columns.start
                self._fill(out[plane, y].view(np.uint8).data, first + at * per_pixel)
        pixels = np.moveaxis(out, 0, -1) if self._planar else out.reshape(height, width, together)
        return pixels.astype(dtype.newbyteorder("="), copy=False)

    def _read_segments(self, rows: slice, columns: slice) -> NDArray:
        tall, wide = self._segment
        out = np.zeros((rows.stop - rows.start, columns.stop - columns.start, self._samples), self._page.dtype)
        for plane in range(self._samples if self._planar else 1):
            bands = slice(plane, plane + 1) if self._planar else slice(None)
            for r in range(rows.start // tall, -(-rows.stop // tall)):
                for c in range(columns.start // wide, -(-columns.stop // wide)):
                    part = self._decoded((plane * self._grid[0] + r) * self._grid[1] + c)
                    y0, x0 = max(rows.start, r * tall), max(columns.start, c * wide)
                    y1, x1 = min(rows.stop, (r + 1) * tall), min(columns.stop, (c + 1) * wide)
                    out[y0 - rows.start : y1 - rows.start, x0 - columns.start : x1 - columns.start, bands] = part[
                        y0 - r * tall : y1 - r * tall, x0 - c * wide : x1 - c * wide
                    ]
        return out

    def _decoded(self, index: int) -> NDArray:
        """A tile or strip (h, w, samples), from the file or kept from before."""
        if index in self._kept:
            self._kept.move_to_end(index)
            return self._kept[index]
        page = self._page
        size = int(page.databytecounts[index])
        data = None  # a sparse file leaves out tiles of zeros
        if size:
            data = bytearray(size)
            self._fill(memoryview(data), int(page.dataoffsets[index]))
        options = {}
        if page.compression in (6, 7, 34892, 33007):  # JPEG, whose tables lie in the header
            options = {"jpegtables": page.jpegtables, "jpegheader": page.jpegheader}
        part, _, shape = page.decode(data, index, **options)
        part = np.zeros(shape[1:], page.dtype) if part is None else part[0]
        self._kept[index] = part
        self._kept_bytes += part.nbytes
        while self._kept_bytes > self._most_kept and len(self._kept) > 1:
            self._kept_bytes -= self._kept.popitem(last=False)[1].nbytes
        return part

    def _fill(self, target: memoryview, offset: int) -> None:
        self._raw.seek(offset)
        while target:
            count = self._raw.readinto(target)
            if not count:
                raise ValueError("the pixels end early")
            target = target[count:]


# --- writing ----------------------------------------------------------------------------------------------------------


@contextmanager
def label_tiff(
    path: str | Path, shape: tuple[int, int], most: int, tags: list[tuple[int, int, int, Any, bool]] | None = None
) -> Iterator[Callable[[NDArray[np.integer]], None]]:
    """Write ids (H, W) by rows: `with label_tiff(path, shape, most) as put: put(rows)`, rows (h, W) from the top on.

    most: the highest id, for 8, 16 or 32 bits. tags: of `TiffWindows.geo_tags`. A thread of its own compresses and writes; at most
    two calls' rows wait. The file appears whole when the block ends with all rows put; when it raises there is none.

    Raises OutputError when it cannot be written.
    """
    with atomic_path(Path(path)) as temporary:
        dtype = np.dtype(np.uint8 if most <= 0xFF else np.uint16 if most <= 0xFFFF else np.uint32)
        rows: queue.Queue[NDArray | None] = queue.Queue(maxsize=2)
        failed: list[BaseException] = []
        stopped = threading.Event()

        def taken() -> Iterator[NDArray]:
            while True:
                try:
                    part = rows.get(timeout=0.1)
                except queue.Empty:
                    if stopped.is_set():
                        raise _Stopped from None
                    continue
                if part is None:
                    return
                yield part

        def write() -> None:
            try:
                _write_tiles(temporary, shape, dtype, _tiles(taken(), shape, dtype), tags or [])
            except BaseException as error:
                failed.append(error)

        writer = threading.Thread(target=write, name="label_tiff", daemon=True)

        def put(part: NDArray[np.integer] | None) -> None:
            while writer.is_alive():
                try:
                    rows.put(part, timeout=0.1)
                    return
                except queue.Full:
                    continue
            if failed:
                raise failed[0]

        writer.start()
        try:
            yield put
            put(None)
        except BaseException:
            stopped.set()
            raise
        finally:
            writer.join()
        if failed:
            raise failed[0]


class _Stopped(Exception):
    """The one who gave the rows has failed."""


def _tiles(parts: Iterator[NDArray], shape: tuple[int, int], dtype: np.dtype) -> Iterator[NDArray]:
    """Rows of any heights -> the image's tiles, row by row; those on the border are filled up with 0."""
    band = np.zeros((SIDE, -(-shape[1] // SIDE) * SIDE), dtype)
    have = done = 0
    for part in parts:
        start = 0
        while start < len(part):
            count = min(SIDE - have, len(part) - start)
            band[have : have + count, : shape[1]] = part[start : start + count]
            start, have, done = start + count, have + count, done + count
            if have == SIDE or done == shape[0]:
                band[have:] = 0
                for x in range(0, band.shape[1], SIDE):
                    yield np.ascontiguousarray(band[:, x : x + SIDE])
                have = 0
    if done != shape[0]:
        raise ValueError(f"expected {shape[0]} rows, got {done}")


def _write_tiles(
    path: Path, shape: tuple[int, int], dtype: np.dtype, tiles: Iterator[NDArray], tags: list[Any]
) -> None:
    from tifffile import TiffWriter

    with TiffWriter(path, bigtiff=shape[0] * shape[1] * dtype.itemsize > _CLASSIC) as file:
        file.write(
            tiles, shape=shape, dtype=dtype, tile=(SIDE, SIDE), photometric="minisblack", compression="zlib",
            compressionargs={"level": 1}, metadata=None, extratags=tags, maxworkers=1,
        )  # fmt: skip
