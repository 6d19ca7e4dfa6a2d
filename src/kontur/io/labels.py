"""Label maps: PNG and TIFF files whose values are ids, read and written without losing one; and scribbles.

palette PNG, 8 or 16-bit grey PNG, TIFF up to 32 bits -> (H, W) integers, exactly the file's values
coloured strokes on black or transparent              -> (H, W) int32: 0 unmarked, 1 background, 2.. objects
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError, PromptError
from ..core.files import atomic_write
from ..core.taxonomy import voc_colour
from . import photos, png

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

NO_CATEGORY = 255
"""In category files: the pixel has no category."""

_MOST_16_BIT = 65_535
_MOST_32_BIT = 2**32 - 1
_LABEL_TIFF_IS_FLOAT = "Save the ids as whole numbers (uint16 or uint32)."

# Strokes; all distances are the largest difference over red, green and blue, of 0..255.
_DARK = 64  # colours with no channel this bright are the black ground
_ONE_COLOUR = 64  # colours within this distance of a stroke's are that stroke
_NEAR_RED_OR_WHITE = 96
_ON_THE_WAY = 48  # a soft edge lies this close to the line between two colours
_EDGE_REACH = 2  # pixels: how far from its stroke a soft edge reaches
_MOSTLY = 0.75  # of a colour's pixels must be mixtures for it to be a soft edge
_MOST_COLOURS = 64
_ALIKE, _LEAST_ALIKE = 8, 0.3  # photos have fewer pixels this close to their main colours, strokes (also in JPEG) more


# --- label maps -----------------------------------------------------------------------------------------------------


def read_labels(path: str | Path, *, max_pixels: int = photos.MAX_PIXELS) -> NDArray[np.integer]:
    """The ids of a label file, (H, W): uint8, uint16 or wider, as the file has them.

    Of a palette file these are the indices, whatever the colours; one bit becomes 0 and 1. An orientation tag is
    applied, as it is to photos, so that image and mask stay together.

    Raises UnreadableFile as `read_image` does; InputError for colour files, for JPEG and WebP, which change values, and
    for values that are not whole numbers.
    """
    path = Path(path)
    with photos.opened(path) as file:
        kind = photos.kind_of(file, path)
        if kind in ("JPEG", "WebP"):
            raise InputError(
                f"{path}: expected labels as PNG or TIFF, got {kind}, which changes values. Export as PNG."
            )
        if kind == "TIFF":
            return _tiff_labels(path, max_pixels)
        spread = 1
        if kind == "PNG":
            header = png.read_header(file, path)
            photos.check_size(path, header.width, header.height, max_pixels)
            if header.colour in (png.COLOUR, png.COLOUR_ALPHA, png.GREY_ALPHA):
                raise _not_labels(path, "grey with alpha" if header.colour == png.GREY_ALPHA else "RGB colours")
            if header.colour == png.GREY and header.depth in (2, 4):
                spread = 255 // (2**header.depth - 1)  # Pillow spreads 0..3 and 0..15 over 0..255
        picture, orientation = photos.decode(file, path, kind, max_pixels, [])
        return photos.upright(_values(picture, path) // spread, orientation, [])


def _values(picture: PillowImage, path: Path) -> NDArray[np.integer]:
    if picture.mode not in ("1", "L", "P", "I") and not picture.mode.startswith("I;16"):
        raise _not_labels(path, picture.mode)
    values = np.asarray(picture)
    return values.astype(np.uint8) if values.dtype == bool else values.astype(values.dtype.newbyteorder("="))


def _tiff_labels(path: Path, max_pixels: int) -> NDArray[np.integer]:
    from . import tiff

    with tiff.open_tiff(path) as file, tiff.damage_told(path):
        page = tiff.first_page(file)
        photos.check_size(path, page.imagewidth, page.imagelength, max_pixels)
        if page.samplesperpixel > 1:
            raise _not_labels(path, f"{page.samplesperpixel} bands")
        if page.dtype is None or page.dtype.kind not in "uib":
            raise InputError(f"{path}: expected whole numbers as labels, got {page.dtype}. {_LABEL_TIFF_IS_FLOAT}")
        values, orientation = tiff.read_raw(file, path)
    values = values.astype(np.uint8) if values.dtype == bool else values
    return photos.upright(values.astype(values.dtype.newbyteorder("=")), orientation, [])


def _not_labels(path: Path, got: str) -> InputError:
    return InputError(
        f"{path}: expected labels in one channel (palette or 8/16-bit grey PNG, TIFF), got {got}. "
        "Save the ids, not their colours."
    )


def label_file_suffix(ids: NDArray[np.integer]) -> str:
    """ ".labels.png" (16 bits), or ".labels.tif" (32 bits) when an id is over 65,535."""
    return ".labels.png" if int(ids.max(initial=0)) <= _MOST_16_BIT else ".labels.tif"


def write_labels(path: str | Path, ids: NDArray[np.integer]) -> None:
    """Write ids (H, W) as a 16-bit grey PNG, or as a 32-bit TIFF where the name ends in .tif or .tiff.

    Raises InputError for ids that do not fit, OutputError when the file cannot be written.
    """
    path = Path(path)
    wide = path.suffix.lower() in (".tif", ".tiff")
    _check_ids(ids, _MOST_32_BIT if wide else _MOST_16_BIT, "a 32-bit TIFF" if wide else "a 16-bit PNG", path)
    if not wide:
        atomic_write(path, png.png_bytes(ids.astype(np.uint16), effort=6))
        return
    import tifffile

    buffer = io.BytesIO()
    tifffile.imwrite(buffer, ids.astype(np.uint32), compression="zlib", photometric="minisblack", metadata=None)
    atomic_write(path, buffer.getvalue())


def write_categories(path: str | Path, categories: NDArray[np.integer]) -> None:
    """Write category ids (H, W) as an 8-bit grey PNG, 255 = none. Raises InputError for ids over 255."""
    path = Path(path)
    _check_ids(categories, NO_CATEGORY, "an 8-bit PNG (255 = no category)", path)
    atomic_write(path, png.png_bytes(categories.astype(np.uint8), effort=6))


def write_palette_labels(
    path: str | Path, ids: NDArray[np.integer], colours: Sequence[tuple[int, int, int]] | None = None
) -> None:
    """Write ids (H, W), 0..255, as a palette PNG. colours: RGB of id 0, 1, ..; by default and beyond PASCAL VOC's."""
    from PIL import Image as Pillow

    path = Path(path)
    _check_ids(ids, 255, "a palette PNG", path)
    palette = [voc_colour(i) for i in range(256)]
    palette[: len(colours or ())] = list(colours or ())
    picture = Pillow.fromarray(np.ascontiguousarray(ids, dtype=np.uint8)).convert("L")
    picture.putpalette([channel for colour in palette[:256] for channel in colour])
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    atomic_write(path, buffer.getvalue())


def _check_ids(ids: NDArray, most: int, holder: str, path: Path) -> None:
    if ids.ndim != 2 or ids.size == 0 or not np.issubdtype(ids.dtype, np.integer):
        raise InputError(f"{path}: expected ids as integers (H, W), got {ids.dtype} {ids.shape}")
    low, high = int(ids.min()), int(ids.max())
    if low < 0 or high > most:
        raise InputError(
            f"{path}: {holder} holds ids 0 to {most}, got {low} to {high}. Write a .tif, or renumber them."
        )


# --- scribbles --------------------------------------------------------------------------------------------------------


def read_scribbles(path: str | Path, *, max_pixels: int = photos.MAX_PIXELS) -> NDArray[np.int32]:
    """What a person marked, (H, W) int32: 0 unmarked, 1 background, 2.. objects.

    One-channel and palette files hold these numbers themselves. RGB(A) files are strokes on black or transparent: red
    is background, white the first object, every further colour a further object in the order of hue (orange, yellow,
    green, cyan, blue, magenta), then from dark to bright. Objects are numbered without gaps.

    Hand-drawn colours need not be exact: those within 64 levels of one another are one stroke; soft edges (between a
    stroke's colour and black or another stroke's, mostly within two pixels of the stroke) go to the nearer of the two.

    Raises UnreadableFile and InputError as `read_labels`, PromptError for a picture of too many colours to be strokes.
    """
    path = Path(path)
    with photos.opened(path) as file:
        kind = photos.kind_of(file, path)
        if not _has_colours(file, path, kind, max_pixels):
            labels = read_labels(path, max_pixels=max_pixels)
            if int(labels.max(initial=0)) > np.iinfo(np.int32).max or int(labels.min(initial=0)) < 0:
                raise PromptError(f"{path}: expected labels of 0 or more, got {int(labels.min())}..{int(labels.max())}")
            return labels.astype(np.int32)
        picture, orientation = photos.decode(file, path, kind, max_pixels, [])
        pixels = photos.upright(np.asarray(picture.convert("RGBA")), orientation, [])
    labels = strokes_to_labels(pixels, str(path))
    if not labels.any() and (pixels[..., :3] * (pixels[..., 3:] > 0)).any():
        raise PromptError(
            f"{path}: expected coloured strokes on black or transparent, got nothing brighter than {_DARK - 1} of 255. "
            "If the values are labels, save them in one channel."
        )
    return labels


def _has_colours(file: BinaryIO, path: Path, kind: str, max_pixels: int) -> bool:
    if kind == "PNG":
        header = png.read_header(file, path)
        photos.check_size(path, header.width, header.height, max_pixels)
        return header.colour in (png.COLOUR, png.COLOUR_ALPHA, png.GREY_ALPHA)
    if kind == "TIFF":
        from . import tiff

        with tiff.open_tiff(path) as opened, tiff.damage_told(path):
            return tiff.first_page(opened).samplesperpixel > 1
    picture, _ = photos.decode(file, path, kind, max_pixels, [])
    return picture.mode not in ("1", "L", "P", "I")


def strokes_to_labels(pixels: NDArray[np.uint8], name: str = "scribbles") -> NDArray[np.int32]:
    """Strokes (H, W, 4) RGBA uint8 -> (H, W) int32, as `read_scribbles` says. name: what an error calls it."""
    marked = (pixels[..., 3] >= 128) & (pixels[..., :3].max(axis=2) >= _DARK)
    if not marked.any():
        return np.zeros(marked.shape, np.int32)
    colours = pixels[..., :3].astype(np.int16)
    leaders, group = _grouped(colours, marked, name)
    strokes: list[int] = []
    goal = np.full(marked.shape, -1)  # the stroke of each pixel, -1 for none
    for n in range(len(leaders)):  # the most frequent first
        mine = group == n
        soft_goal, explained = _soft_edge(colours, mine, strokes, leaders, goal)
        if np.count_nonzero(explained) >= _MOSTLY * np.count_nonzero(mine):
            goal[explained] = soft_goal[explained]
            for k in strokes:  # the few that are left over go to a stroke of about their colour, if there is one
                near_colour = np.abs(colours - leaders[k]).max(axis=2) <= _NEAR_RED_OR_WHITE
                goal[mine & ~explained & near_colour] = k
        else:
            strokes.append(n)
            goal[mine] = n
    red = [n for n in strokes if np.abs(leaders[n] - [255, 0, 0]).max() <= _NEAR_RED_OR_WHITE]
    white = [n for n in strokes if (255 - leaders[n]).max() <= _NEAR_RED_OR_WHITE]
    others = sorted((n for n in strokes if n not in red and n not in white), key=lambda n: _order(leaders[n]))
    table = np.zeros(len(leaders) + 1, np.int32)  # the last entry is for -1
    for label, members in enumerate([red, *([white] if white else []), *([n] for n in others)], 1):
        table[members] = label
    return table[goal]


def _grouped(colours: NDArray[np.int16], marked: NDArray[np.bool_], name: str) -> tuple[NDArray, NDArray[np.intp]]:
    """Leaders (N, 3), the most frequent colours that are far enough apart, and the nearest one of each marked pixel (H, W)."""
    codes, inverse, counts = np.unique(
        (colours[marked] >> 2).astype(np.int32) @ np.array([4096, 64, 1]), return_inverse=True, return_counts=True
    )
    found = np.stack([codes >> 12, codes >> 6 & 63, codes & 63], axis=1) * 4 + 2
    leaders = np.zeros((0, 3), int)
    for n in np.argsort(-counts, kind="stable"):
        if not len(leaders) or np.abs(leaders - found[n]).max(axis=1).min() > _ONE_COLOUR:
            leaders = np.vstack([leaders, found[n]])
    distance = np.stack([np.abs(found - leader).max(axis=1) for leader in leaders])
    alike = counts[distance.min(axis=0) <= _ALIKE].sum() / counts.sum()
    if len(leaders) > _MOST_COLOURS or (len(leaders) > 3 and alike < _LEAST_ALIKE):
        raise PromptError(f"{name}: expected strokes of a few colours on black or transparent. Is it a photo?")
    group = np.full(marked.shape, -1)
    group[marked] = distance.argmin(axis=0)[inverse]
    return leaders, group


def _soft_edge(
    colours: NDArray[np.int16],
    mine: NDArray[np.bool_],
    strokes: list[int],
    leaders: NDArray,
    goal: NDArray[np.intp],
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """For the pixels `mine`: the stroke (-1: black) that each is the nearer to, and whether it is a mixture at all.

    A mixture lies close to a stroke, and its colour close to the line from that stroke's to black or to another's.
    """
    best = np.where(mine, float(_ON_THE_WAY), -1.0)
    towards = np.full(mine.shape, -1)
    explained = np.zeros(mine.shape, bool)
    for m in strokes:
        where = mine & _near(goal == m)
        if not where.any():
            continue
        for k in [-1, *(k for k in strokes if k != m)]:
            end = leaders[k] if k >= 0 else np.zeros(3, int)
            along = leaders[m] - end
            offset = colours[where] - end
            share = np.clip(offset @ along / max(1, int(along @ along)), 0, 1)
            miss = np.abs(share[:, None] * along - offset).max(axis=1)
            better = miss < best[where]
            at = tuple(axis[better] for axis in np.nonzero(where))
            best[at] = miss[better]
            towards[at] = np.where(share[better] >= 0.5, m, k)
            explained[at] = True
    return towards, explained


def _near(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask grown by `_EDGE_REACH` pixels in all eight directions."""
    for _ in range(_EDGE_REACH):
        grown = mask.copy()
        grown[1:] |= mask[:-1]
        grown[:-1] |= mask[1:]
        wide = grown.copy()
        wide[:, 1:] |= grown[:, :-1]
        wide[:, :-1] |= grown[:, 1:]
        mask = wide
    return mask


def _order(colour: NDArray) -> tuple[float, int]:
    """By hue, then from dark to bright."""
    import colorsys

    hue, _, _ = colorsys.rgb_to_hsv(*(colour / 255.0))
    return round(hue, 2), int(colour.sum())
