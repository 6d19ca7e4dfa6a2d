"""Results as files. What a session or a job has kept is read again here only."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ...core.hierarchy import Hierarchy
from ...core.image import Image
from ...core.instances import Instances, numbered
from ...core.method import Outcome
from ...core.segmentation import Provenance, Segmentation
from ...files.exports import Product, content
from ..channel import Upload
from ..limits import Problem
from .packing import kept_result, png, rgb24, unpacked
from .pictures import Tell, canvas_of


def export(
    folder: Path,
    tell: Tell,
    image: Upload,
    kept: bytes | None,
    labels: bytes | None,
    form: str,
    level: float | None,
) -> bytes:
    """A result as a file. kept: of a method; labels: of a step."""
    read = canvas_of(folder, image).image
    result: Any
    if labels is not None:
        ids = unpacked(labels, read.shape)
        origin = Provenance("grabcut", {"interactive": True})
        result = replace(Segmentation.from_ids(ids, background=1), provenance=origin)
    else:
        assert kept is not None
        result = kept_result(folder, kept)
    if form == "ultrametric":
        if not isinstance(result, Hierarchy):
            raise Problem(422, "format: ultrametric is of a hierarchy; ask for the contours first")
        return png(np.rint(result.ultrametric * np.float32(65535)).astype(np.uint16))
    if isinstance(result, Hierarchy):
        result = result.level(level)
    return _file(folder, form, result, read)


def _file(folder: Path, form: str, result: Segmentation | Instances, image: Image) -> bytes:
    ids = numbered(result).ids if form == "labels" else None
    if ids is not None and ids.max(initial=0) > 65535:
        return png(rgb24(ids))  # a browser shows no TIFF
    return content(form, Product(image, Outcome(result)), folder)
