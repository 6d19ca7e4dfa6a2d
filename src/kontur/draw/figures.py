"""Several results of one photo side by side, with captions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from kontur.core.errors import InputError
from kontur.core.image import Image, as_image
from kontur.core.segmentation import Segmentation

from .overlay import font, overlay, photo


def contact_sheet(
    image: Image | NDArray,
    results: Mapping[str, Segmentation],
    *,
    columns: int | None = None,
    width: int = 1600,
) -> NDArray[np.uint8]:
    """The photo and each result in a grid, (height, width, 3) uint8, every picture over its caption.

    results: what to call it -> the result. A caption is the name, the number of segments and the milliseconds it took.
    columns: pictures in a row; by default about as many as make the sheet as high as wide.
    width:   of the whole sheet, pixels.
    """
    from PIL import Image as PillowImage
    from PIL import ImageDraw

    image = as_image(image)
    for name, result in results.items():
        if result.shape != image.shape:
            raise InputError(
                f"contact_sheet: expected results of {image.shape} (H, W), got {result.shape} for {name!r}"
            )
    count = len(results) + 1
    if columns is None:
        columns = max(1, round((count * image.height / image.width) ** 0.5))
    columns = max(1, min(columns, count))
    if width < 16 * columns:
        raise InputError(
            f"contact_sheet: expected a width of at least {16 * columns} pixels for {columns} columns, got {width}"
        )
    margin = max(2, width // 200)
    cell = (width - margin * (columns + 1)) // columns
    high = max(1, round(cell * image.height / image.width))
    size = int(np.clip(cell / 22, 9, 28))
    step = high + round(size * 1.9) + margin
    rows = -(-count // columns)
    sheet = PillowImage.new("RGB", (width, margin + rows * step), (255, 255, 255))
    pen = ImageDraw.Draw(sheet)
    face = font(size)
    captions = [f"photo  {image.width}x{image.height}", *(_caption(name, result) for name, result in results.items())]
    shown = [None, *results.values()]
    for i, (caption, drawn_result) in enumerate(zip(captions, shown, strict=True)):
        drawn = photo(image) if drawn_result is None else overlay(image, drawn_result, legend=False)
        x, y = margin + (i % columns) * (cell + margin), margin + (i // columns) * step
        sheet.paste(PillowImage.fromarray(drawn).resize((cell, high), PillowImage.Resampling.LANCZOS), (x, y))
        while caption and face.getlength(caption) > cell:
            caption = caption[:-1]
        pen.text((x, y + high + size * 0.8), caption, fill=(20, 20, 20), font=face, anchor="lm")
    return np.asarray(sheet)


def _caption(name: str, result: Segmentation) -> str:
    noun = "segment" if len(result) == 1 else "segments"
    took = f"  {result.provenance.seconds * 1000:.0f} ms" if result.provenance else ""
    return f"{name}  {len(result):,} {noun}{took}"


def gallery(
    pictures: Iterable[tuple[str, NDArray[np.uint8]]], count: int, *, columns: int | None = None, width: int = 1600
) -> NDArray[np.uint8]:
    """Pictures of any sizes in a grid, (height, width, 3) uint8, each whole in a cell of 4 : 3 over its caption.

    pictures: (caption, (H, W, 3) uint8), taken one at a time; count: how many there are. columns: in a row; by default
    about as many as make the sheet as high as wide. width: of the sheet, pixels. Raises InputError for too narrow a sheet.
    """
    from PIL import Image as PillowImage
    from PIL import ImageDraw

    columns = max(1, min(count, columns or round((count * 0.8) ** 0.5)))
    if width < 16 * columns:
        raise InputError(f"gallery: expected a width of at least {16 * columns} pixels, got {width}")
    margin = max(2, width // 200)
    cell = (width - margin * (columns + 1)) // columns
    high = max(1, cell * 3 // 4)
    size = int(np.clip(cell / 22, 9, 28))
    step = high + round(size * 1.9) + margin
    sheet = PillowImage.new("RGB", (width, margin + -(-count // columns) * step), (255, 255, 255))
    pen = ImageDraw.Draw(sheet)
    face = font(size)
    for i, (caption, picture) in enumerate(pictures):
        x, y = margin + (i % columns) * (cell + margin), margin + (i // columns) * step
        scale = min(cell / picture.shape[1], high / picture.shape[0])
        fitted = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
        small = PillowImage.fromarray(picture).resize(fitted, PillowImage.Resampling.LANCZOS)
        sheet.paste(small, (x + (cell - fitted[0]) // 2, y + (high - fitted[1]) // 2))
        while caption and face.getlength(caption) > cell:
            caption = caption[:-1]
        pen.text((x, y + high + size * 0.8), caption, fill=(20, 20, 20), font=face, anchor="lm")
    return np.asarray(sheet)
