"""Sample pictures of a training: image | truth | prediction, one row an image, the classes' colours beneath."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError
from ..core.image import Image, as_image
from ..core.taxonomy import Taxonomy
from ..draw.overlay import font, photo

CELL = 360  # pixels of a picture's width
_GAP = 6


def draw_samples(
    images: Sequence[Image | NDArray],
    truths: Sequence[NDArray[np.integer]],
    predictions: Sequence[NDArray[np.integer]],
    taxonomy: Taxonomy,
    *,
    names: Sequence[str] = (),
) -> NDArray[np.uint8]:
    """(height, width, 3) RGB. truths, predictions: category ids (H, W); what is no category is void and hatched.

    Maps are brought to the pictures' width by the nearest pixel. names: captions. Raises InputError when the numbers of
    pictures or their sizes differ.
    """
    from PIL import Image as Pillow
    from PIL import ImageDraw

    if not len(images) == len(truths) == len(predictions) or not len(images):
        raise InputError(
            f"samples: expected as many truths and predictions as images, at least one, got {len(images)} images, "
            f"{len(truths)} truths, {len(predictions)} predictions"
        )
    small, size = font(13), 13
    rows = []
    for image, truth, prediction in zip(images, truths, predictions, strict=True):
        shown = photo(as_image(image))
        if truth.shape != shown.shape[:2] or prediction.shape != shown.shape[:2]:
            raise InputError(
                f"samples: expected maps of the image's size {shown.shape[:2]} (H, W), got {truth.shape} and {prediction.shape}"
            )
        high = max(1, round(CELL * shown.shape[0] / shown.shape[1]))
        scaled = Pillow.fromarray(shown).resize((CELL, high), Pillow.Resampling.LANCZOS)
        maps = [_coloured(_resized(ids, (high, CELL)), taxonomy) for ids in (truth, prediction)]
        rows.append([scaled, *(Pillow.fromarray(m) for m in maps)])
    width = 3 * CELL + 4 * _GAP
    entries = _legend(taxonomy, width, small)
    head, line = 26, 20
    captions = list(names) if len(names) == len(rows) else [""] * len(rows)
    steps = [row[0].height + _GAP + (line if caption else 0) for row, caption in zip(rows, captions, strict=True)]
    foot = (max((y for _, y, _, _ in entries), default=0) + 1) * line + _GAP
    canvas = Pillow.new("RGB", (width, head + sum(steps) + foot), "white")
    pen = ImageDraw.Draw(canvas)
    for column, title in enumerate(("image", "truth", "prediction")):
        pen.text((_GAP + column * (CELL + _GAP), head / 2), title, fill=(30, 30, 30), font=font(15), anchor="lm")
    top = head
    for row, caption, step in zip(rows, captions, steps, strict=True):
        for column, cell in enumerate(row):
            canvas.paste(cell, (_GAP + column * (CELL + _GAP), top))
        if caption:
            pen.text((_GAP, top + row[0].height + line / 2), caption, fill=(60, 60, 60), font=small, anchor="lm")
        top += step
    for x, y, name, colour in entries:
        at = top + y * line
        swatch = Pillow.fromarray(
            _hatched((size, size)) if colour is None else np.full((size, size, 3), colour, np.uint8)
        )
        canvas.paste(swatch, (x, at))
        pen.text((x + size + 5, at + size / 2), name, fill=(30, 30, 30), font=small, anchor="lm")
    return np.asarray(canvas)


def stacked(rows: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Pictures (h, w, 3) of any width one below the other, on white and 4 pixels apart."""
    wide = max(row.shape[1] for row in rows)
    return np.vstack([np.pad(r, ((0, 4), (0, wide - r.shape[1]), (0, 0)), constant_values=255) for r in rows])


def _resized(ids: NDArray[np.integer], size: tuple[int, int]) -> NDArray[np.integer]:
    """Nearest neighbour."""
    rows = (np.arange(size[0]) + 0.5) * ids.shape[0] / size[0]
    columns = (np.arange(size[1]) + 0.5) * ids.shape[1] / size[1]
    return ids[rows.astype(np.int64)][:, columns.astype(np.int64)]


def _coloured(ids: NDArray[np.integer], taxonomy: Taxonomy) -> NDArray[np.uint8]:
    picture = _hatched((int(ids.shape[0]), int(ids.shape[1])))
    for category in taxonomy:
        picture[ids == category.id] = category.colour
    return picture


def _hatched(size: tuple[int, int]) -> NDArray[np.uint8]:
    """Dark, with thin light lines from bottom left to top right: no class looks like it."""
    rows, columns = np.indices(size)
    return np.where(((rows + columns) % 8 == 0)[..., None], 150, 36).astype(np.uint8).repeat(3, axis=2)


def _legend(taxonomy: Taxonomy, width: int, face: object) -> list[tuple[int, int, str, tuple[int, int, int] | None]]:
    """(x, line, name, colour) of each entry, wrapped to the width; void last."""
    entries: list[tuple[int, int, str, tuple[int, int, int] | None]] = []
    x, y = _GAP, 0
    for name, colour in [*((c.name, c.colour) for c in taxonomy), ("void", None)]:
        wide = 13 + 5 + round(face.getlength(name)) + 16  # type: ignore[attr-defined]
        if x + wide > width and x > _GAP:
            x, y = _GAP, y + 1
        entries.append((x, y, name, colour))
        x += wide
    return entries
