"""What can be written of a result: one table, for the command line, the library, the page and the server."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..core.errors import InputError, OptionError, UnknownName
from ..core.image import Image
from ..core.method import Outcome
from ..core.segmentation import Segmentation

if TYPE_CHECKING:
    from ..core.instances import Instances

Beside = Callable[[str], Path]
"""An ending -> the file to write."""


@dataclass(frozen=True, eq=False)
class Product:
    """What is there to be written of one image. classes: the names of the planes of probabilities."""

    image: Image
    outcome: Outcome
    classes: tuple[str, ...] = ()

    @property
    def result(self) -> Segmentation | Instances:
        return self.outcome.result

    @cached_property
    def flat(self) -> Segmentation:
        return self.result if isinstance(self.result, Segmentation) else self.result.flatten()


@dataclass(frozen=True)
class Export:
    """One line of the table.

    endings: what it may put behind DIR/<stem>, the first the usual. media: the type of that one. write: writes the files; the
    mean IoU loss of a polygon form, in [0, 1]. needs: hierarchy or probabilities. folder: a folder of its own in DIR. run_file:
    in a run there is one such file of all images, in place of one each.
    """

    endings: tuple[str, ...]
    media: str
    write: Callable[[Product, Beside], float | None]
    needs: str = ""
    folder: str = ""
    run_file: str = ""


# --- the writers ------------------------------------------------------------------------------------------------------


def _labels(product: Product, beside: Beside) -> None:
    from ..io.labels import label_file_suffix, write_categories, write_labels

    result = product.result
    labels = result if isinstance(result, Segmentation) else result.flatten(background=False)
    if any(segment.category is not None for segment in labels.segments):
        write_categories(beside(".categories.png"), labels.category_map())
    write_labels(beside(label_file_suffix(labels.ids)), labels.ids)


def _overlay(product: Product, beside: Beside) -> None:
    from ..io.png import write_picture

    if isinstance(product.result, Segmentation):
        from ..draw.overlay import overlay as draw
    else:
        from ..draw.objects import draw_result as draw  # type: ignore[assignment]
    write_picture(beside(".overlay.png"), draw(product.image, product.result))


def _json(product: Product, beside: Beside) -> None:
    from ..io.documents import write_document

    write_document(beside(".json"), product.result, product.image)


def _coco(product: Product, beside: Beside) -> None:
    from ..io.coco import CocoEntry, write_coco

    name = product.image.path.name if product.image.path else "image"
    write_coco(beside(".coco.json"), [CocoEntry.of(name, product.result)])


def _geojson(product: Product, beside: Beside) -> float:
    from ..io.geojson import write_geojson

    return write_geojson(beside(".geojson"), product.result, product.image)


def _svg(product: Product, beside: Beside) -> float:
    from ..io.svg import write_svg

    return write_svg(beside(".svg"), product.result, product.image)


def _labelme(product: Product, beside: Beside) -> float:
    from ..io.labelme import write_labelme

    return write_labelme(beside(".labelme.json"), product.result, product.image)


def _yolo(product: Product, beside: Beside) -> float:
    from ..io.yolo import write_yolo

    return write_yolo(beside(".txt"), product.result, product.image)


def _cutout(product: Product, beside: Beside) -> None:
    from ..io.cutout import write_cutout

    write_cutout(beside(".cutout.png"), product.result, product.image)


def _measurements(product: Product, beside: Beside) -> None:
    from ..io.measurements import write_measurements

    write_measurements(beside(".measurements.csv"), product.result, product.image)


def _heatmaps(product: Product, beside: Beside) -> None:
    """One grey PNG a class, 0..255 for a probability of 0..1."""
    from ..io.png import write_picture

    assert product.outcome.probabilities is not None
    for name, plane in zip(product.classes, product.outcome.probabilities, strict=True):
        write_picture(beside(heatmap_ending(name)), (plane * 255 + 0.5).astype(np.uint8))


def heatmap_ending(name: str) -> str:
    """Of the heat map of a class: ".traffic-light.heatmap.png"."""
    return f".{re.sub(r'[^0-9A-Za-z_]+', '-', name).strip('-') or 'class'}.heatmap.png"


def _outline(product: Product, beside: Beside) -> None:
    from ..io.outlines import outline_picture, write_outline_svg
    from ..io.png import write_picture

    write_picture(beside(".outline.png"), outline_picture(product.flat.ids))
    write_outline_svg(beside(".outline.svg"), product.flat, product.image)


def _mean(product: Product, beside: Beside) -> None:
    from ..draw.overlay import mean_colour
    from ..io.png import write_picture

    write_picture(beside(".mean.png"), mean_colour(product.image, product.flat))


def _of_hierarchy(name: str) -> Callable[[Product, Beside], None]:
    """Of one of its maps, grey: 255 is a height of 1."""

    def write(product: Product, beside: Beside) -> None:
        from ..draw.levels import strength_picture
        from ..io.png import write_picture

        write_picture(beside(f".{name}.png"), strength_picture(getattr(product.outcome.hierarchy, name)))

    return write


def _levels(product: Product, beside: Beside) -> None:
    from ..draw.levels import fine_to_coarse
    from ..io.png import write_picture

    assert product.outcome.hierarchy is not None
    write_picture(beside(".levels.png"), fine_to_coarse(product.image, product.outcome.hierarchy))


def _hierarchy(product: Product, beside: Beside) -> None:
    assert product.outcome.hierarchy is not None
    product.outcome.hierarchy.save(beside(".hierarchy.npz"))


_PNG, _JSON = "image/png", "application/json"
EXPORTS: dict[str, Export] = {
    "labels": Export((".labels.png", ".labels.tif", ".categories.png", ".categories.tif"), _PNG, _labels),
    "overlay": Export((".overlay.png",), _PNG, _overlay),
    "json": Export((".json",), _JSON, _json),
    "coco": Export((".coco.json",), _JSON, _coco, run_file="coco.json"),
    "geojson": Export((".geojson",), "application/geo+json", _geojson),
    "svg": Export((".svg",), "image/svg+xml", _svg),
    "labelme": Export((".labelme.json",), _JSON, _labelme),
    "yolo": Export((".txt",), "text/plain", _yolo, folder="yolo"),
    "cutout": Export((".cutout.png",), _PNG, _cutout),
    "measurements": Export((".measurements.csv",), "text/csv", _measurements),
    "heatmaps": Export((".heatmap.png",), _PNG, _heatmaps, needs="probabilities"),
    "outline": Export((".outline.png", ".outline.svg"), _PNG, _outline),
    "mean": Export((".mean.png",), _PNG, _mean),
    "boundaries": Export((".boundaries.png",), _PNG, _of_hierarchy("boundaries"), needs="hierarchy"),
    "ultrametric": Export((".ultrametric.png",), _PNG, _of_hierarchy("ultrametric"), needs="hierarchy"),
    "levels": Export((".levels.png",), _PNG, _levels, needs="hierarchy"),
    "hierarchy": Export((".hierarchy.npz",), "application/octet-stream", _hierarchy, needs="hierarchy"),
}
WHOLE_RUN = ("labels", "overlay", "json")
"""What is written where nothing is asked for."""


# --- the files --------------------------------------------------------------------------------------------------------


def names_of(write: str | Iterable[str]) -> tuple[str, ...]:
    """The names of a list, each once. Raises UnknownName, and OptionError for an empty list."""
    words = write.split(",") if isinstance(write, str) else list(write)
    names = tuple(dict.fromkeys(word.strip() for word in words if word.strip()))
    for name in names:
        if name not in EXPORTS:
            raise UnknownName("output", name, EXPORTS, f"--write takes: {', '.join(EXPORTS)}.")
    if not names:
        raise OptionError(f"option --write: expected one or more of {', '.join(EXPORTS)}, got {write!r}")
    return names


@dataclass(frozen=True)
class Targets:
    """The files of one image in a run: names of exports, behind folder/stem. classes: of heat maps."""

    names: tuple[str, ...]
    folder: Path
    stem: Path
    classes: tuple[str, ...] = ()

    def path(self, name: str, ending: str) -> Path:
        base = self.folder / EXPORTS[name].folder / self.stem
        return base.with_name(base.name + ending)

    def __iter__(self) -> Iterator[Path]:
        """Every file that may be written."""
        for name in self.names:
            yield from (self.path(name, ending) for ending in self._endings(name))

    def finished(self) -> bool:
        """Whether an earlier run has written all of them."""
        return all(self._there(name) for name in self.names)

    def _there(self, name: str) -> bool:
        there = [self.path(name, ending).exists() for ending in self._endings(name)]
        return any(there[:2]) if name == "labels" else all(there)  # PNG or TIFF, which is written last

    def write(self, product: Product, written: list[Path]) -> dict[str, float]:
        """Write them, noting each; the mean IoU loss of each polygon form, in [0, 1]."""
        losses: dict[str, float] = {}
        for name in self.names:
            if EXPORTS[name].run_file:
                continue

            def beside(ending: str, name: str = name) -> Path:
                written.append(self.path(name, ending))
                return written[-1]

            loss = EXPORTS[name].write(product, beside)
            if loss is not None:
                losses[name] = loss
        return losses

    def _endings(self, name: str) -> tuple[str, ...]:
        if EXPORTS[name].run_file:
            return ()
        return tuple(map(heatmap_ending, self.classes)) if name == "heatmaps" else EXPORTS[name].endings


def content(name: str, product: Product, folder: Path) -> bytes:
    """An export as the bytes of its first file; `folder` is written to for a moment."""
    if EXPORTS[name].needs and getattr(product.outcome, EXPORTS[name].needs) is None:
        raise InputError(f"{name}: expected a result with {EXPORTS[name].needs}, got one without")
    written: list[Path] = []

    def beside(ending: str) -> Path:
        written.append(folder / f"export{ending}")
        return written[-1]

    try:
        EXPORTS[name].write(product, beside)
        return written[0].read_bytes()
    finally:
        for path in written:
            path.unlink(missing_ok=True)
