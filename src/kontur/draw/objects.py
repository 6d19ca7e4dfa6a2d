"""Objects drawn over their photo: fills, outlines that also show what is covered, and a tag with number, name and score."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core import rle
from ..core.errors import InputError, OptionError
from ..core.image import Image, as_image
from ..core.instances import Instance, Instances
from ..core.rle import RLE
from ..core.segmentation import Segmentation
from ..core.taxonomy import Taxonomy
from .overlay import font, overlay, photo
from .palette import dense_ids, segment_colours

_ROWS_AT_A_TIME = 128
_HIDDEN = np.array((200, 200, 200), np.uint8)  # of an object that others cover whole


def draw_result(image: Image | NDArray, result: Instances | Segmentation) -> NDArray[np.uint8]:
    """(H, W, 3) uint8, the picture of any result: Instances, which may overlap, by `draw_objects`, a partition by `overlay`.

    Objects of a taxonomy with one category have no tags: hundreds of nuclei need no name.
    """
    if not isinstance(result, Instances):
        return overlay(image, result)
    tags = result.taxonomy is None or len(result.taxonomy) != 1
    return draw_objects(image, result, names=tags, scores=tags)


def draw_objects(
    image: Image | NDArray,
    result: Instances | Segmentation,
    *,
    opacity: float = 0.4,
    outlines: bool = True,
    numbers: bool = False,
    names: bool = True,
    scores: bool = True,
    least_score: float = 0.0,
) -> NDArray[np.uint8]:
    """(H, W, 3) uint8. Instances, or the things of a panoptic result over its stuff.

    image:       what was segmented, see `kontur.draw.photo`.
    opacity:     of the fills, [0, 1].
    outlines:    a line around each object, in its colour, on top of all fills: an object that another one covers is still seen.
    numbers:     the place among the instances from 1, or the segment's id.
    names, scores: of the category and in [0, 1], where the result has them.
    least_score: [0, 1]; objects of lower scores are not drawn. One without a score is.

    A tag is as long as its object is wide: what does not fit is left out, the score first, then the name. In a partition without
    things every segment counts as an object. Raises InputError when the sizes differ, OptionError.
    """
    image = as_image(image)
    if result.shape != image.shape:
        raise InputError(
            f"draw_objects: expected a result of the image's size {image.shape} (H, W), got {result.shape}"
        )
    for name, value in (("opacity", opacity), ("least_score", least_score)):
        if not 0 <= value <= 1:
            raise OptionError(f"option {name}: expected 0..1, got {value}")
    flat, shown = _shown(result, least_score)
    alike = len({o.instance.category for o in shown if o.countable}) < 2 and all(o.countable for o in shown)
    # Many objects of one kind are told apart by colours that have nothing to do with their category.
    colours = segment_colours(replace(flat, taxonomy=None) if alike else flat)
    picture = _filled(photo(image), flat, colours, {o.segment for o in shown}, opacity)
    places = {s.id: place for place, s in enumerate(flat.segments)}
    tints = [colours[places[o.segment]] if o.segment in places else _HIDDEN for o in shown]
    thickness = max(1, round(max(image.shape) / 700))
    for one, tint in zip(shown, tints, strict=True):
        if outlines and one.countable:
            _outline(picture, one.instance.mask, tint, thickness)
    if numbers or names or scores:
        texts = [_texts(o, result.taxonomy, numbers, names, scores) for o in shown]
        picture = _with_tags(picture, [(o.instance.mask, t, c) for o, t, c in zip(shown, texts, tints, strict=True)])
    return picture


class _Shown(NamedTuple):
    """number: what a tag calls it. segment: its id in the flat picture. countable: a thing, not stuff."""

    number: int
    instance: Instance
    segment: int
    countable: bool


def _shown(result: Instances | Segmentation, least: float) -> tuple[Segmentation, list[_Shown]]:
    """What is filled, and what gets an outline and a tag: stuff, then objects, the best last, so that it is drawn on top."""
    if isinstance(result, Instances):
        kept = [(n, i) for n, i in enumerate(result.instances, 1) if i.area and not _under(i.score, least)]
        flat = Instances(result.shape, tuple(i for _, i in kept), result.taxonomy).flatten()
        found = [_Shown(number, i, segment, True) for segment, (number, i) in enumerate(kept, 2)]
    else:
        flat = result
        things = {c.id for c in result.taxonomy.things} if result.taxonomy is not None else set()
        runs = rle.encode_labels(result.ids)
        found = [
            _Shown(s.id, Instance(runs[s.id], s.category, s.score), s.id, s.category in things or not things)
            for s in result.segments
            if s.id != result.background and not _under(s.score, least)
        ]
    return flat, sorted(
        found, key=lambda o: (o.countable, 1.0 if o.instance.score is None else o.instance.score, -o.number)
    )


def _filled(
    picture: NDArray[np.uint8], flat: Segmentation, colours: NDArray[np.uint8], shown: set[int], opacity: float
) -> NDArray[np.uint8]:
    """The photo with the shown segments tinted, block by block."""
    ids = dense_ids(flat)
    weights = np.array([0.0, *(opacity if s.id in shown else 0.0 for s in flat.segments)], np.float32)
    fills = np.concatenate([np.zeros((1, 3), np.float32), colours.astype(np.float32)]) * weights[:, None]
    filled = np.empty_like(picture)
    for top in range(0, len(ids), _ROWS_AT_A_TIME):
        block = ids[top : top + _ROWS_AT_A_TIME]
        mixed = picture[top : top + _ROWS_AT_A_TIME] * (1 - weights)[block][..., None] + fills[block]
        filled[top : top + _ROWS_AT_A_TIME] = mixed + 0.5
    return filled


def _under(score: float | None, least: float) -> bool:
    return score is not None and score < least


def _outline(picture: NDArray[np.uint8], mask: RLE, colour: NDArray[np.uint8], thickness: int) -> None:
    """The object's own edge pixels in its colour, lighter, and a dark line one pixel outside of it."""
    x0, y0, x1, y1 = rle.box(mask)
    window = np.pad(rle.decode_window(mask), 1)
    inner = window
    for _ in range(thickness):
        inner = _eroded(inner)
    around = ~_eroded(~window) & ~window
    top, left = max(0, y0 - 1), max(0, x0 - 1)
    part = picture[top : y1 + 1, left : x1 + 1]
    inside = tuple(slice(first, first + size) for first, size in zip((top - y0 + 1, left - x0 + 1), part.shape))
    part[around[inside]] //= 3
    part[(window & ~inner)[inside]] = (colour + (255.0 - colour) * 0.35).astype(np.uint8)


def _eroded(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Without the pixels that have a 4-neighbour outside it; what lies beyond the array is not looked at."""
    kept = mask.copy()
    kept[1:] &= mask[:-1]
    kept[:-1] &= mask[1:]
    kept[:, 1:] &= mask[:, :-1]
    kept[:, :-1] &= mask[:, 1:]
    return kept


def _texts(one: _Shown, taxonomy: Taxonomy | None, numbers: bool, names: bool, scores: bool) -> list[str]:
    """What a tag may say, the longest first."""
    instance = one.instance
    parts = [str(one.number)] if numbers and one.countable else []
    if names and instance.category is not None:
        known = taxonomy is not None and instance.category in taxonomy
        parts.append(taxonomy[instance.category].name if known and taxonomy else f"category {instance.category}")
    if scores and instance.score is not None:
        parts.append(f"{instance.score:.2f}")
    return [" ".join(parts[:length]) for length in range(len(parts), 0, -1)]


def _with_tags(picture: NDArray[np.uint8], tags: list[tuple[RLE, list[str], NDArray[np.uint8]]]) -> NDArray[np.uint8]:
    from PIL import Image as PillowImage
    from PIL import ImageDraw

    canvas = PillowImage.fromarray(picture)
    pen = ImageDraw.Draw(canvas)
    size = int(np.clip(max(picture.shape[:2]) / 50, 10, 32))
    face = font(size)
    margin = max(1, size // 6)
    for mask, texts, colour in tags:
        x0, y0, x1, y1 = rle.box(mask)
        fitting = [text for text in texts if face.getlength(text) + 2 * margin <= x1 - x0]
        if not fitting or y1 - y0 < size:
            continue
        ground = tuple(int(v) // 3 for v in colour)
        wide = face.getlength(fitting[0]) + 2 * margin
        # On the object itself where it is widest near the top: the first of its rows that has room.
        x, y = _room(mask, wide, size + margin)
        pen.rectangle([x, y, x + wide, y + size + margin], fill=ground)
        pen.text((x + margin, y + (size + margin) / 2), fitting[0], fill=(255, 255, 255), font=face, anchor="lm")
    return np.asarray(canvas)


def _room(mask: RLE, wide: float, high: int) -> tuple[int, int]:
    """The corner (x, y) of a tag of this size that lies on the object: the topmost that is all inside, else that of its box."""
    x0, y0, _, _ = rle.box(mask)
    window = rle.decode_window(mask)
    whole = int(np.ceil(wide))
    if whole <= window.shape[1] and high <= window.shape[0]:
        sums = np.pad(window, ((1, 0), (1, 0))).astype(np.int32).cumsum(0).cumsum(1)
        inside = sums[high:, whole:] - sums[:-high, whole:] - sums[high:, :-whole] + sums[:-high, :-whole]
        if inside.size:
            y, x = np.unravel_index(int(inside.argmax()), inside.shape)
            return x0 + int(x), y0 + int(y)
    return x0, y0
