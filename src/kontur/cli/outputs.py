"""What `kontur segment --write` can name, and the writing of it."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core.hierarchy import Hierarchy
from ..core.image import Image
from ..core.instances import Instances, numbered
from ..core.segmentation import Segmentation

# What --write can name -> the endings it puts behind DIR/<stem>; coco and yolo have places of their own, and heat maps
# are named by the classes of the network.
WRITES: dict[str, tuple[str, ...]] = {
    "labels": (".labels.png", ".labels.tif", ".categories.png", ".categories.tif"),
    "overlay": (".overlay.png",),
    "json": (".json",),
    "coco": (),
    "geojson": (".geojson",),
    "svg": (".svg",),
    "labelme": (".labelme.json",),
    "yolo": (),
    "cutout": (".cutout.png",),
    "measurements": (".measurements.csv",),
    "heatmaps": (),
    "outline": (".outline.png", ".outline.svg"),
    "mean": (".mean.png",),
    "boundaries": (".boundaries.png",),
    "ultrametric": (".ultrametric.png",),
    "levels": (".levels.png",),
    "hierarchy": (".hierarchy.npz",),
}
OF_HIERARCHIES = ("boundaries", "ultrametric", "levels", "hierarchy")
"""What only methods that cut a hierarchy can write."""


def write_outputs(
    base: Path, yolo: Path, image: Image, result: Segmentation | Instances, writes: tuple[str, ...], written: list[Path]
) -> dict[str, float]:
    """Write what was asked for behind `base`, noting each file; the mean IoU loss of each polygon form, in [0, 1]."""
    losses: dict[str, float] = {}

    @functools.cache
    def flat() -> Segmentation:
        return result.flatten() if isinstance(result, Instances) else result

    def beside(ending: str) -> Path:
        written.append(base.with_name(base.name + ending))
        return written[-1]

    if "labels" in writes:
        from ..io.labels import label_file_suffix, write_categories, write_labels

        labels = numbered(result)
        write_labels(beside(label_file_suffix(labels.ids)), labels.ids)
        if any(segment.category is not None for segment in labels.segments):
            write_categories(beside(".categories.png"), labels.category_map())
    if "overlay" in writes:
        from ..draw import draw_result
        from ..io.pictures import write_picture

        write_picture(beside(".overlay.png"), draw_result(image, result))
    if "json" in writes:
        from ..io.documents import write_document

        write_document(beside(".json"), result, image)
    if "geojson" in writes:
        from ..io.geojson import write_geojson

        losses["geojson"] = write_geojson(beside(".geojson"), result, image)
    if "svg" in writes:
        from ..io.svg import write_svg

        losses["svg"] = write_svg(beside(".svg"), result, image)
    if "labelme" in writes:
        from ..io.labelme import write_labelme

        losses["labelme"] = write_labelme(beside(".labelme.json"), result, image)
    if "yolo" in writes:
        from ..io.yolo import write_yolo

        written.append(yolo)
        losses["yolo"] = write_yolo(yolo, result, image)
    if "cutout" in writes:
        from ..io.cutout import write_cutout

        write_cutout(beside(".cutout.png"), result, image)
    if "measurements" in writes:
        from ..io.measurements import write_measurements

        write_measurements(beside(".measurements.csv"), result, image)
    if "outline" in writes:
        from ..io.outlines import outline_picture, write_outline_svg
        from ..io.pictures import write_picture

        write_picture(beside(".outline.png"), outline_picture(flat().ids))
        write_outline_svg(beside(".outline.svg"), flat(), image)
    if "mean" in writes:
        from ..draw.overlay import mean_colour
        from ..io.pictures import write_picture

        write_picture(beside(".mean.png"), mean_colour(image, flat()))
    return losses


def write_hierarchy(base: Path, image: Image, tree: Hierarchy, writes: tuple[str, ...], written: list[Path]) -> None:
    """Write what was asked for of a hierarchy behind `base`, noting each file. Maps are grey, 255 is a height of 1."""
    from ..draw.levels import fine_to_coarse, strength_picture
    from ..io.pictures import write_picture

    def beside(ending: str) -> Path:
        written.append(base.with_name(base.name + ending))
        return written[-1]

    if "boundaries" in writes:
        write_picture(beside(".boundaries.png"), strength_picture(tree.boundaries))
    if "ultrametric" in writes:
        write_picture(beside(".ultrametric.png"), strength_picture(tree.ultrametric))
    if "levels" in writes:
        write_picture(beside(".levels.png"), fine_to_coarse(image, tree))
    if "hierarchy" in writes:
        tree.save(beside(".hierarchy.npz"))


def heatmap_ending(name: str) -> str:
    """Of the heat map of a class: ".traffic-light.heatmap.png"."""
    return f".{re.sub(r'[^0-9A-Za-z_]+', '-', name).strip('-') or 'class'}.heatmap.png"


def write_heatmaps(base: Path, names: tuple[str, ...], probabilities: NDArray[np.float32], written: list[Path]) -> None:
    """One grey PNG a class, 0..255 for a probability of 0..1. names: the endings, one a plane of (K, H, W)."""
    from ..io.pictures import write_picture

    for ending, plane in zip(names, probabilities, strict=True):
        written.append(base.with_name(base.name + ending))
        write_picture(written[-1], (plane * 255 + 0.5).astype(np.uint8))
