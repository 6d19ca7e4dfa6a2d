"""JSON: a result's segments, its taxonomy and how it came to be, beside the label PNG that holds its pixels.

{"schema": 1, "file_name": .., "height": .., "width": .., "background": 1 or null, "segments": [..], "taxonomy": ..,
 "provenance": {"method", "options", "version", "seconds", "notes"}}
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.files import write_json as write_json
from ..core.image import Image
from ..core.segmentation import Segmentation

if TYPE_CHECKING:
    from ..core.instances import Instances
    from .regions import Result


def write_document(path: str | Path, result: Result, image: Image | None = None) -> None:
    """Write a result without its pixels; instances keep theirs as COCO runs. Raises OutputError."""
    document = result.to_dict() if isinstance(result, Segmentation) else _of_instances(result)
    name = image.path.name if image is not None and image.path is not None else None
    write_json(path, {"schema": document["schema"], "file_name": name, **document}, indent=1)


def _of_instances(result: Instances) -> dict[str, Any]:
    from ..core import rle
    from .regions import regions

    segments = [
        {"id": r.id, "area": r.area, "box": list(r.box), "category": r.category, "score": r.score, "name": r.name}
        | {"mask": rle.to_coco(r.mask)}
        for r in regions(result)
    ]
    provenance = None
    if result.provenance is not None:
        provenance = asdict(result.provenance) | {"notes": list(result.provenance.notes)}
    return {
        "schema": 1,
        "height": result.shape[0],
        "width": result.shape[1],
        "background": None,
        "segments": segments,
        "taxonomy": None if result.taxonomy is None else asdict(result.taxonomy),
        "provenance": provenance,
    }
