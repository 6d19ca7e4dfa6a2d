"""Pictures of some images for the report: the photo, the truth, and what each contender made of it."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..core.image import Image
from ..core.segmentation import Segmentation
from ..core.taxonomy import Taxonomy
from ..draw.overlay import mean_colour, photo
from .rulers import Drawing

WIDTH = 480  # pixels of the pictures that are kept; larger ones are reduced
_CROWDED = 0.12  # share of the pixels; more border than this would hide what it parts
_TINT = 0.66
_NOTHING = (24, 24, 27)


@dataclass(frozen=True)
class Picture:
    """A JPEG as a data address, so that the page needs no file beside it. width, height: pixels."""

    address: str
    width: int
    height: int


@dataclass
class SheetRow:
    """One image: the photo, its truth and the contenders' results."""

    name: str
    photo: Picture
    truth: Picture
    results: dict[str, Picture] = field(default_factory=dict)


class Sheet:
    """The images that are kept, by their index; taxonomy: whose colours the pictures have, or None."""

    def __init__(self, taxonomy: Taxonomy | None) -> None:
        self.taxonomy = taxonomy
        self._rows: dict[int, SheetRow] = {}

    @property
    def rows(self) -> Mapping[int, SheetRow]:
        return self._rows

    def __contains__(self, index: object) -> bool:
        return index in self._rows

    def add(self, index: int, name: str, pictures: tuple[NDArray[np.uint8], NDArray[np.uint8]]) -> None:
        """Keep an image: its photo and truth."""
        self._rows[index] = SheetRow(name, embedded(pictures[0]), embedded(pictures[1]))

    def add_result(self, index: int, contender: str, picture: NDArray[np.uint8]) -> None:
        self._rows[index].results[contender] = embedded(picture)


def sheet_pictures(
    image: Image, drawing: Drawing, taxonomy: Taxonomy | None
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The photo and the drawing over it, both reduced to `WIDTH`.

    Categories tint the photo in the taxonomy's colours, pixels of no category are dark; regions without names keep
    their mean colour. The borders of regions are light lines, unless they are everywhere.
    """
    base = photo(image)
    if drawing.labels is not None and taxonomy is not None:
        drawn = _tinted(base, drawing.labels, taxonomy)
    else:
        assert drawing.ids is not None
        drawn = mean_colour(image, Segmentation.from_ids(drawing.ids))
    step = max(1, -(-image.width // WIDTH))
    if drawing.ids is not None:
        lines = _borders(drawing.ids)
        if lines.mean() < _CROWDED:
            drawn[lines] = drawn[lines] // 2 + 112
    return _reduced(base, step), _reduced(drawn, step)


def embedded(picture: NDArray[np.uint8]) -> Picture:
    """A picture (H, W, 3) as a JPEG in an address."""
    from PIL import Image as Pillow

    buffer = io.BytesIO()
    Pillow.fromarray(picture).save(buffer, format="JPEG", quality=84, optimize=True)
    address = "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
    return Picture(address, picture.shape[1], picture.shape[0])


def _tinted(base: NDArray[np.uint8], labels: NDArray[np.int64], taxonomy: Taxonomy) -> NDArray[np.uint8]:
    colours = np.tile(np.array(_NOTHING, np.float32), (max(c.id for c in taxonomy) + 2, 1))
    for category in taxonomy:
        colours[category.id] = category.colour
    share = np.full((len(colours), 1), _TINT, np.float32)
    share[-1] = 0.85  # of what has no category little is to be seen
    grey = base.astype(np.float32)
    return (grey * (1 - share[labels]) + colours[labels] * share[labels] + 0.5).astype(np.uint8)


def _borders(ids: NDArray[np.int32]) -> NDArray[np.bool_]:
    edge = np.zeros(ids.shape, bool)
    edge[:, :-1] |= ids[:, 1:] != ids[:, :-1]
    edge[:-1] |= ids[1:] != ids[:-1]
    return edge


def _reduced(picture: NDArray[np.uint8], step: int) -> NDArray[np.uint8]:
    from PIL import Image as Pillow

    return picture if step == 1 else np.asarray(Pillow.fromarray(picture).reduce(step))
