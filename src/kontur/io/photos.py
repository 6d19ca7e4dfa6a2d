"""Photos: JPEG, PNG, TIFF, WebP and BMP files become `Image`; folders and globs become lists of such files.

What a file is, is read from its first bytes, never from its name. Its size is checked on the header, before decoding; a
file that was cut off is refused, never shown in part.
"""

from __future__ import annotations

import glob
import importlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError, TooLarge, UnreadableFile
from ..core.image import Image
from . import png

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

MAX_PIXELS = 500_000_000
SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".webp", ".bmp")
"""Names that count as images in a folder, in any case."""

OWN_OUTPUTS = (
    ".labels",
    ".categories",
    ".overlay",
    ".cutout",
    ".heatmap",
    ".outline",
    ".mean",
    ".boundaries",
    ".ultrametric",
    ".levels",
)  # of `kontur segment`, as the last part of the stem
_EXPECTED = "expected a JPEG, PNG, TIFF, WebP or BMP image"
_PILLOW_CLASSES = {
    "JPEG": ("JpegImagePlugin", "JpegImageFile"),
    "PNG": ("PngImagePlugin", "PngImageFile"),
    "TIFF": ("TiffImagePlugin", "TiffImageFile"),
    "WebP": ("WebPImagePlugin", "WebPImageFile"),
    "BMP": ("BmpImagePlugin", "BmpImageFile"),
}
ORIENTATION = 0x0112  # the EXIF and TIFF tag


def read_image(path: str | Path, *, max_pixels: int = MAX_PIXELS) -> Image:
    """Read a photo.

    max_pixels: larger images are refused on their header (500 megapixels by default).

    8-bit and 16-bit values are kept as they are; palettes become RGB, one bit becomes 0 and 255, CMYK becomes RGB; an
    alpha band is dropped when it is opaque, otherwise the image is laid on white; EXIF orientation is applied; of
    animated and multi-page files the first picture is read. What was done is told in the image's `notes`. TIFF keeps
    all its bands, and its georeference.

    Raises UnreadableFile for a file that is missing, empty, cut off or no such image, InputError for one that is too
    large or holds NaN.
    """
    path = Path(path)
    with opened(path) as file:
        kind = kind_of(file, path)
        try:
            if kind == "TIFF":
                return _read_tiff(path, max_pixels)
            if kind == "PNG":
                return _read_png(file, path, max_pixels)
            return _read_with_pillow(file, path, kind, max_pixels)
        except MemoryError:
            raise InputError(f"{path}: not enough memory for this image. Use a smaller one.") from None


def size_of(path: str | Path) -> tuple[int, int]:
    """(H, W) of a photo as `read_image` gives it; of a JPEG from its header alone. Raises as `read_image`."""
    path = Path(path)
    with opened(path) as file:
        if kind_of(file, path) != "JPEG":
            return read_image(path).shape
        try:
            picture = importlib.import_module("PIL.JpegImagePlugin").JpegImageFile(file)
        except Exception:  # damaged: let the reader say how
            return read_image(path).shape
        width, height = picture.size
        return (width, height) if _orientation(picture) in (5, 6, 7, 8) else (height, width)


def find_images(
    inputs: Sequence[str | Path], left_out: list[tuple[Path, str]] | None = None
) -> list[tuple[Path, Path]]:
    """Files, folders (all images in them and their sub-folders) and globs -> (path, stem) of each image, by input.

    The stem is the name without its suffix; below a folder, or below the first wildcard of a glob, it keeps the
    sub-folders: "photos/**/*.jpg" gives ("photos/a/b.jpg", "a/b"). Hidden files and earlier outputs of `kontur segment`
    in folders (x.overlay.png) are left out; a file that is named twice is listed once.

    left_out: is given the files of folders that are not listed, with the reason in words.

    An input that leads to nothing is listed itself beside others that do, so that reading it says what is wrong with it
    and the others are done. Raises UnreadableFile when no input leads to an image.
    """
    if not inputs:
        raise InputError("expected an image, a folder or a glob, got none")
    found: dict[str, tuple[Path, Path]] = {}
    missing: list[str] = []
    left_out = [] if left_out is None else left_out
    for given in inputs:
        pairs = list(_expand(Path(given), left_out))
        if not pairs:
            missing.append(_why_nothing(Path(given)))
            pairs = [(Path(given), Path(Path(given).stem or "input"))]
        for path, stem in pairs:
            found.setdefault(os.path.realpath(path), (path, stem))
    if len(missing) == len(inputs):
        raise UnreadableFile("; ".join(missing))
    return list(found.values())


# --- finding --------------------------------------------------------------------------------------------------------


def _expand(given: Path, left_out: list[tuple[Path, str]]) -> Iterator[tuple[Path, Path]]:
    if given.is_dir():
        yield from ((p, p.relative_to(given).with_suffix("")) for p in _images_below(given, left_out))
    elif given.exists() or not glob.has_magic(str(given)):
        if given.exists():
            yield given, Path(given.stem)
    else:
        base = Path(*_plain_start(given))
        for match in sorted(glob.glob(str(given), recursive=True)):
            path = Path(match)
            if path.is_file():
                yield path, path.relative_to(base).with_suffix("")


def _plain_start(pattern: Path) -> Iterator[str]:
    """The parts before the first with a wildcard."""
    for part in pattern.parts:
        if glob.has_magic(part):
            return
        yield part


def _images_below(folder: Path, left_out: list[tuple[Path, str]]) -> Iterator[Path]:
    for where, folders, names in os.walk(folder):
        hidden = [f for f in folders if f.startswith(".")]
        folders[:] = sorted(f for f in folders if f not in hidden)
        for name in sorted(names):
            path = Path(where, name)
            if name.startswith("."):
                left_out.append((path, "hidden"))
            elif path.suffix.lower() not in SUFFIXES:
                left_out.append((path, "of no image's name"))
            elif path.stem.endswith(OWN_OUTPUTS):
                left_out.append((path, "written by kontur segment"))
            else:
                yield path
        left_out += [(Path(where, name), "hidden") for name in hidden]


def _why_nothing(given: Path) -> str:
    if given.is_dir():
        return f"{given}: expected a folder with images ({' '.join(SUFFIXES)}), got one without"
    if glob.has_magic(str(given)):
        return f"{given}: no file matches this pattern"
    return f"{given}: no such file or folder"


# --- opening --------------------------------------------------------------------------------------------------------


def opened(path: Path) -> BinaryIO:
    """The file, open for reading. Raises UnreadableFile when there is none."""
    if path.is_dir():
        empty = "" if any(_images_below(path, [])) else f" without images ({' '.join(SUFFIXES)})"
        raise UnreadableFile(f"{path}: expected an image file, got a folder{empty}")
    if not path.exists():
        raise UnreadableFile(_why_nothing(path))
    if not path.is_file():
        raise UnreadableFile(f"{path}: expected an image file, got a device or pipe")
    try:
        return path.open("rb")
    except OSError as error:
        raise UnreadableFile(f"{path}: cannot be read: {error.strerror or error}") from None


def kind_of(file: BinaryIO, path: Path) -> str:
    """JPEG, PNG, TIFF, WebP or BMP, by the first bytes. Raises UnreadableFile for anything else."""
    start = file.read(32)
    file.seek(0)
    if start.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if start.startswith(png.SIGNATURE):
        return "PNG"
    if start[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "WebP"
    if start[:2] == b"BM" and len(start) >= 26:
        return "BMP"
    if not start:
        raise UnreadableFile(f"{path}: {_EXPECTED}, got an empty file (0 bytes)")
    if start[4:8] == b"ftyp":
        raise UnreadableFile(f"{path}: {_EXPECTED}, got a HEIC, AVIF or video file. Convert it to JPEG or PNG.")
    if start[:4] == b"GIF8":
        raise UnreadableFile(f"{path}: {_EXPECTED}, got a GIF. Convert it to PNG.")
    looks = "text" if all(32 <= b < 127 or b in b"\t\r\n" for b in start) else "data"
    raise UnreadableFile(f"{path}: {_EXPECTED}, got {looks} that starts with {start[:12]!r}")


def check_size(path: Path, width: int, height: int, max_pixels: int) -> None:
    """Raise TooLarge for more than `max_pixels`."""
    if width * height > max_pixels:
        raise TooLarge(
            f"{path}: expected at most {max_pixels / 1e6:g} megapixels, got {width} x {height} = "
            f"{width * height / 1e6:.0f} megapixels. Cut it into tiles or raise --max-pixels."
        )


# --- decoding -------------------------------------------------------------------------------------------------------


def _read_png(file: BinaryIO, path: Path, max_pixels: int) -> Image:
    header = png.read_header(file, path)
    check_size(path, header.width, header.height, max_pixels)
    if header.depth != 16 or header.colour == png.GREY:
        file.seek(0)
        return _read_with_pillow(file, path, "PNG", max_pixels)
    pixels: NDArray = png.read_16_bit(file, header, path)
    notes = [f"first of {header.frames} frames"] if header.frames > 1 else []
    if header.colour in (png.GREY_ALPHA, png.COLOUR_ALPHA):
        pixels = on_white(pixels[..., :-1], pixels[..., -1], notes)
    return Image(pixels, path=path, notes=tuple(notes))


def _read_tiff(path: Path, max_pixels: int) -> Image:
    from . import tiff

    notes: list[str] = []
    with tiff.open_tiff(path) as file, tiff.damage_told(path):
        page = tiff.first_page(file)
        check_size(path, page.imagewidth, page.imagelength, max_pixels)
        place = tiff.georeference(file)
        if tiff.pillow_reads_it(file):
            with path.open("rb") as raw:
                image = _read_with_pillow(raw, path, "TIFF", max_pixels)
            return Image(image.pixels, image.bands, place, path, image.notes)
        pixels, turned = tiff.read_pixels(file, path, notes)
        has_alpha = [int(e) for e in page.extrasamples][-1:] in ([1], [2])
    if np.issubdtype(pixels.dtype, np.integer) and (pixels.min() < 0 or pixels.max() > 65535):
        notes.append(f"{pixels.dtype} turned into float32")
        pixels = pixels.astype(np.float32)
    if has_alpha and pixels.ndim == 3 and pixels.shape[2] in (2, 4) and pixels.dtype.kind == "u":
        pixels = on_white(pixels[..., :-1], pixels[..., -1], notes)
    if place is None:
        pixels = upright(pixels, turned, notes)
    return _image(pixels, path, notes, place)


def _read_with_pillow(file: BinaryIO, path: Path, kind: str, max_pixels: int) -> Image:
    notes: list[str] = []
    picture, orientation = decode(file, path, kind, max_pixels, notes)
    return _image(upright(_pixels(picture, notes), orientation, notes), path, notes)


def decode(file: BinaryIO, path: Path, kind: str, max_pixels: int, notes: list[str]) -> tuple[PillowImage, int]:
    """The whole picture in Pillow's mode, and the EXIF orientation that is still to be applied.

    Raises InputError for one that is too large, UnreadableFile for one that is damaged or cut off.
    """
    file.seek(0)
    try:
        module, name = _PILLOW_CLASSES[kind]
        # PIL.Image.open would apply Pillow's own size limit, which is global to the process.
        picture = getattr(importlib.import_module(f"PIL.{module}"), name)(file)
        check_size(path, picture.width, picture.height, max_pixels)
        frames = int(getattr(picture, "n_frames", 1)) if kind != "JPEG" else 1
        orientation = 1 if kind == "PNG" else _orientation(picture)  # PNG may keep it behind the pixels
        picture.load()
        if kind == "PNG":
            orientation = _orientation(picture)
    except (InputError, MemoryError):
        raise
    except Exception as error:  # a damaged file makes the decoders raise almost anything
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise UnreadableFile(f"{path}: expected a whole {kind}, got a damaged or cut off one ({reason})") from None
    if kind == "JPEG" and not _jpeg_ends(file):
        raise UnreadableFile(f"{path}: expected a whole JPEG, got one that was cut off (no end marker)")
    if frames > 1:
        notes.append(f"first of {frames} {'pages' if kind == 'TIFF' else 'frames'}")
    if kind == "TIFF":  # Pillow has turned it already
        if orientation in range(2, 9):
            notes.append(f"orientation {orientation} applied")
        orientation = 1
    return picture, orientation


def _orientation(picture: PillowImage) -> int:
    try:
        return int(picture.getexif().get(ORIENTATION, 1))
    except Exception:  # damaged EXIF data; the pixels are whole
        return 1


def _pixels(picture: PillowImage, notes: list[str]) -> NDArray:
    """(H, W) or (H, W, 3) of a decoded picture in Pillow's mode."""
    mode = picture.mode
    if mode == "P":
        notes.append("palette turned into RGB")
    if mode in ("CMYK", "YCCK"):
        notes.append("CMYK turned into RGB without a colour profile")
    if mode in ("1", "L", "RGB") and "transparency" not in picture.info:
        return np.asarray(picture.convert("L") if mode == "1" else picture)
    if mode.startswith("I;16"):
        return np.asarray(picture).astype(np.uint16)
    if mode in ("I", "F"):
        return np.asarray(picture)
    if mode in ("LA", "La") or (mode in ("1", "L") and "transparency" in picture.info):
        both = np.asarray(picture.convert("LA"))
        return on_white(both[..., :1], both[..., 1], notes)
    if mode in ("RGBA", "RGBa", "PA") or "transparency" in picture.info:
        four = np.asarray(picture.convert("RGBA"))
        return on_white(four[..., :3], four[..., 3], notes)
    return np.asarray(picture.convert("RGB"))


def on_white(colours: NDArray, alpha: NDArray, notes: list[str] | None = None) -> NDArray:
    """Lay (H, W, C) on white by alpha (H, W), in the type of both; opaque alpha is dropped."""
    if colours.shape[2] == 1:
        colours = colours[..., 0]
    notes = [] if notes is None else notes
    top = np.iinfo(colours.dtype).max
    if int(alpha.min()) == top:
        notes.append("opaque alpha dropped")
        return np.ascontiguousarray(colours)
    notes.append("alpha composited on white")
    share = alpha.astype(np.float32) / np.float32(top)
    share = share if colours.ndim == 2 else share[..., None]
    # float64 so that 16-bit values come out exact
    return np.rint(colours * share.astype(np.float64) + top * (1.0 - share.astype(np.float64))).astype(colours.dtype)


def upright(pixels: NDArray, orientation: int, notes: list[str]) -> NDArray:
    """Apply an EXIF orientation, 1 to 8; others are nonsense and change nothing."""
    turned = {
        2: lambda: pixels[:, ::-1],
        3: lambda: pixels[::-1, ::-1],
        4: lambda: pixels[::-1],
        5: lambda: pixels.swapaxes(0, 1),
        6: lambda: np.rot90(pixels, -1),
        7: lambda: np.rot90(pixels, 2).swapaxes(0, 1),
        8: lambda: np.rot90(pixels, 1),
    }.get(orientation)
    if turned is None:
        return pixels
    notes.append(f"EXIF orientation {orientation} applied (stored as {pixels.shape[1]} x {pixels.shape[0]})")
    return np.ascontiguousarray(turned())


def _image(pixels: NDArray, path: Path, notes: list[str], place: object = None) -> Image:
    try:
        return Image(pixels, path=path, notes=tuple(notes), georeference=place)  # type: ignore[arg-type]
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _jpeg_ends(file: BinaryIO) -> bool:
    """Whether the end marker follows the picture's pixels. A thumbnail in the header has an end marker of its own."""
    file.seek(2)
    while True:
        start = file.read(4)
        if len(start) < 4 or start[0] != 0xFF:
            return False
        if start[1] == 0xFF:  # a fill byte before a marker
            file.seek(-3, 1)
            continue
        if start[1] == 0xDA:  # start of scan: pixels from here on, in which FF D9 cannot occur
            return b"\xff\xd9" in file.read()
        file.seek(int.from_bytes(start[2:4], "big") - 2, 1)
