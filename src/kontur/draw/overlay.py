"""A result drawn over its photo: tinted segments, crisp borders, a legend."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kontur.core.errors import InputError
from kontur.core.image import Image, as_image
from kontur.core.segmentation import Segmentation

from .palette import dense_ids, segment_colours

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont
    from PIL.ImageFont import ImageFont as BitmapFont

    from ..core.instances import Instances

_ROWS_AT_A_TIME = 128  # blocks that stay in the processor's cache, and keep a 100 megapixel overlay small
_LEGEND_ROWS = 40


def overlay(
    image: Image | NDArray,
    result: Segmentation | Instances,
    *,
    opacity: float = 0.45,
    boundaries: bool = True,
    legend: bool | None = None,
    labels: bool = False,
) -> NDArray[np.uint8]:
    """Draw a result over its photo: (H, W, 3) uint8; wider (and at least as high) when there is a legend on its right.

    image:      what was segmented; 16-bit and float images are stretched for the eye, see `photo`.
    opacity:    of the fill, [0, 1]. In a foreground/background result the background is dimmed and the objects tinted.
    boundaries: draw a dark line between segments, with a light one along it where the segments are large enough.
    legend:     names and shares of the area; None: only when the result has categories.
    labels:     write names (or ids) into the segments that have room for them.

    Neighbours never share a fill while 64 colours suffice; void is darkened. Raises InputError when the sizes differ.
    """
    image = as_image(image)
    segmentation = result if isinstance(result, Segmentation) else result.flatten()
    if segmentation.shape != image.shape:
        raise InputError(
            f"overlay: expected a result of the image's size {image.shape} (H, W), got {segmentation.shape}"
        )
    if not 0 <= opacity <= 1:
        raise InputError(f"overlay: expected an opacity in 0..1, got {opacity}")
    ids = dense_ids(segmentation)
    colours = segment_colours(segmentation)
    picture = _tinted(photo(image), ids, colours, _opacities(segmentation, opacity), segmentation)
    if boundaries:
        _draw_boundaries(picture, ids, len(colours))
    if labels:
        picture = _draw_labels(picture, ids, segmentation)
    if legend or (legend is None and any(s.category is not None for s in segmentation.segments)):
        picture = _with_legend(picture, segmentation, colours)
    return picture


def mean_colour(image: Image | NDArray, segmentation: Segmentation) -> NDArray[np.uint8]:
    """Every segment filled with the mean colour of its pixels, void black: (H, W, 3) uint8."""
    image = as_image(image)
    if segmentation.shape != image.shape:
        raise InputError(
            f"mean_colour: expected a result of the image's size {image.shape} (H, W), got {segmentation.shape}"
        )
    ids = dense_ids(segmentation)
    flat, rgb = ids.ravel(), photo(image).reshape(-1, 3)
    area = np.maximum(np.bincount(flat), 1)
    means = np.stack([np.bincount(flat, weights=rgb[:, c]) / area for c in range(3)], axis=1)
    means[0] = 0
    return means.round().astype(np.uint8)[ids]


def photo(image: Image | NDArray) -> NDArray[np.uint8]:
    """The image for the eye, (H, W, 3) uint8: one band as grey, of many bands red, green and blue or the first three.

    uint8 and float in [0, 1] are shown as they are; others are stretched between their 0.2 and 99.8 percentiles, so
    that one hot pixel does not make the picture black.
    """
    image = as_image(image)
    pixels = image.pixels
    if pixels.dtype == np.uint8 and image.channels == 1:
        return np.repeat(pixels[..., None], 3, axis=2)
    if pixels.dtype == np.uint8 and image.channels == 3:
        return np.ascontiguousarray(pixels)
    unit = image.rgb()
    if pixels.dtype == np.uint16 or pixels.min() < 0 or pixels.max() > 1:
        step = max(1, int((unit.shape[0] * unit.shape[1] / 250_000) ** 0.5))
        low, high = np.percentile(unit[::step, ::step], [0.2, 99.8])
        if high > low:
            unit = (unit - np.float32(low)) / np.float32(high - low)
    return (np.clip(unit, 0, 1) * 255 + 0.5).astype(np.uint8)


def _opacities(segmentation: Segmentation, opacity: float) -> NDArray[np.float64]:
    """The weight of the fill of void and of each segment, (n + 1,)."""
    weights = np.full(len(segmentation) + 1, opacity)
    if segmentation.background is not None:
        weights *= 0.65  # the object itself is what one wants to see
    return weights


def _tinted(
    rgb: NDArray[np.uint8], ids: NDArray, colours: NDArray[np.uint8], opacities: NDArray, segmentation: Segmentation
) -> NDArray[np.uint8]:
    """Blend in whole numbers of 1/256, block by block: picture = (photo * keep + fill) / 256."""
    keep = np.round((1 - opacities) * 256).astype(np.uint16)
    fill = np.zeros((len(colours) + 1, 3), np.uint16)
    fill[1:] = np.round(colours * opacities[1:, None] * 256)
    for position, segment in enumerate(segmentation.segments, 1):
        if segment.id == segmentation.background:  # dimmed, not tinted
            keep[position], fill[position] = 105, 0
    picture = np.empty_like(rgb)
    for top in range(0, len(ids), _ROWS_AT_A_TIME):
        rows = slice(top, top + _ROWS_AT_A_TIME)
        block = rgb[rows].astype(np.uint16)
        block *= keep[ids[rows]][..., None]
        block += fill[ids[rows]]
        block >>= 8
        picture[rows] = block
    return picture


def _draw_boundaries(picture: NDArray[np.uint8], ids: NDArray[np.int32], count: int) -> None:
    """A dark line on the border; a light one on both sides of it where segments are large against the lines."""
    height, width = ids.shape
    thickness = max(1, round(max(height, width) / 1600))
    edge = np.zeros(ids.shape, bool)
    edge[:, :-1] |= ids[:, 1:] != ids[:, :-1]
    edge[:-1] |= ids[1:] != ids[:-1]
    line = _thickened(edge, thickness - 1)
    roomy = height * width / max(count, 1) > 600 * thickness**2 and 3 * int(line.sum()) < 0.25 * line.size
    if roomy:
        halo = _thickened(line, thickness, both_sides=True) & ~line
        picture[halo] = picture[halo] // 4 + 186
        picture[line] = 16
    else:
        # One line only: dark on light ground and light on dark ground.
        ground = picture[line]
        dark = ground.max(axis=1) < 110
        picture[line] = np.where(dark[:, None], ground // 4 + 186, ground // 6)


def _thickened(mask: NDArray[np.bool_], steps: int, *, both_sides: bool = False) -> NDArray[np.bool_]:
    """The mask grown by a pixel a step to the right and down, or to all four sides."""
    for _ in range(steps):
        grown = mask.copy()
        grown[:, 1:] |= mask[:, :-1]
        grown[1:] |= mask[:-1]
        if both_sides:
            grown[:, :-1] |= mask[:, 1:]
            grown[:-1] |= mask[1:]
        mask = grown
    return mask


def _names(segmentation: Segmentation) -> list[str]:
    """What each segment is called: its category's name, background, or its id."""
    known = {c.id: c.name for c in segmentation.taxonomy} if segmentation.taxonomy else {}
    return [
        known[s.category]
        if s.category in known
        else f"category {s.category}"
        if s.category is not None
        else "background"
        if s.id == segmentation.background
        else str(s.id)
        for s in segmentation.segments
    ]


def _legend_rows(segmentation: Segmentation, colours: NDArray[np.uint8]) -> list[tuple[str, float, tuple[int, ...]]]:
    """(name, share of the area, colour), the largest first; segments of one category in one row."""
    known = {c.id: tuple(c.colour) for c in segmentation.taxonomy} if segmentation.taxonomy else {}
    total = max(1, segmentation.ids.size)
    rows: dict[str, tuple[float, tuple[int, ...]]] = {}
    for name, segment, colour in zip(_names(segmentation), segmentation.segments, colours, strict=True):
        shown = known.get(segment.category) if segment.category is not None else None
        share, _ = rows.get(name, (0.0, ()))
        rows[name] = (share + segment.area / total, shown or tuple(int(v) for v in colour))
    listed = sorted(rows.items(), key=lambda row: -row[1][0])
    return [(name, share, colour) for name, (share, colour) in listed]


def _with_legend(
    picture: NDArray[np.uint8], segmentation: Segmentation, colours: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """A dark panel on the right, as high as the picture or as its rows need."""
    from PIL import Image as PillowImage
    from PIL import ImageDraw

    height, width = picture.shape[:2]
    rows = _legend_rows(segmentation, colours)
    size = int(np.clip(height / 28, 12, 48))
    step = round(size * 1.5)
    fitting = max(8, min(_LEGEND_ROWS, (height - step) // step))
    texts = [f"{name}  {_percent(share)}" for name, share, _ in rows[:fitting]]
    if len(rows) > fitting:
        texts[-1] = f"and {len(rows) - fitting + 1} more"
    face = font(size)
    panel = round(step * 2.2 + max((face.getlength(t) for t in texts), default=0))
    canvas = PillowImage.new("RGB", (width + panel, max(height, step * (len(texts) + 1))), (24, 24, 24))
    canvas.paste(PillowImage.fromarray(picture), (0, 0))
    pen = ImageDraw.Draw(canvas)
    for i, text in enumerate(texts):
        x, y = width + step // 2, step // 2 + i * step
        if i < len(rows) and not text.startswith("and "):
            pen.rectangle([x, y, x + size, y + size], fill=tuple(rows[i][2]), outline=(235, 235, 235))
        pen.text((x + step * 1.1, y + size / 2), text, fill=(240, 240, 240), font=face, anchor="lm")
    return np.asarray(canvas)


def _percent(share: float) -> str:
    return f"{share:.1%}" if share >= 0.001 or share == 0 else "<0.1%"


def _draw_labels(picture: NDArray[np.uint8], ids: NDArray[np.int32], segmentation: Segmentation) -> NDArray[np.uint8]:
    """Names in the middle of each segment's longest row of pixels: inside it, unlike the centre of a crescent."""
    from PIL import Image as PillowImage
    from PIL import ImageDraw

    if len(segmentation) == 0:
        return picture
    height, width = ids.shape
    flat = ids.ravel()
    starts = np.union1d(np.flatnonzero(np.diff(flat)) + 1, np.arange(0, flat.size, width))
    lengths = np.diff(np.append(starts, flat.size))
    best = np.full(len(segmentation) + 1, -1)
    middle = np.array([0.0] + [(s.box[1] + s.box[3]) / 2 for s in segmentation.segments])
    off_centre = np.abs(starts // width - middle[flat[starts]])
    longest = np.lexsort((-off_centre, lengths))
    best[flat[starts[longest]]] = longest  # the last one written is the longest, of equals the most central
    canvas = PillowImage.fromarray(picture)
    pen = ImageDraw.Draw(canvas)
    face = font(int(np.clip(height / 40, 10, 36)))
    for position, name in enumerate(_names(segmentation), 1):
        run = best[position]
        if run < 0 or face.getlength(name) > lengths[run]:
            continue
        y, x = divmod(int(starts[run]), width)
        pen.text(
            (x + int(lengths[run]) / 2, y), name, fill=(255, 255, 255), font=face, anchor="mm",
            stroke_width=2, stroke_fill=(0, 0, 0),
        )  # fmt: skip
    return np.asarray(canvas)


def font(size: int) -> FreeTypeFont | BitmapFont:
    """Pillow's built-in typeface at `size` pixels; its one bitmap size where Pillow was built without FreeType."""
    from PIL import ImageFont

    return ImageFont.load_default(size)
