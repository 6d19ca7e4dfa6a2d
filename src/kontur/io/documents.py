"""JSON: a result's segments, its taxonomy and how it came to be, beside the label PNG that holds its pixels.

{"schema": 1, "file_name": .., "height": .., "width": .., "background": 1 or null, "segments": [..], "taxonomy": ..,
 "provenance": {"method", "options", "version", "seconds", "notes"}}
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..core import rle
from ..core.errors import InputError, OutputError, UnreadableFile
from ..core.files import atomic_write
from ..core.image import Image
from ..core.instances import Instances
from .regions import Result, regions

_MOST_BYTES = 4 << 30


def write_document(path: str | Path, result: Result, image: Image | None = None) -> None:
    """Write a result without its pixels; instances keep theirs as COCO runs. Raises OutputError."""
    document = _of_instances(result) if isinstance(result, Instances) else result.to_dict()
    name = image.path.name if image is not None and image.path is not None else None
    write_json(path, {"schema": document["schema"], "file_name": name, **document}, indent=1)


def _of_instances(result: Instances) -> dict[str, Any]:
    segments = [
        {"id": r.id, "area": r.area, "box": list(r.box), "category": r.category, "score": r.score, "name": r.name}
        | {"mask": rle.to_coco(result.instances[r.id - 1].mask)}
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


def write_json(path: str | Path, content: object, *, indent: int | None = None) -> None:
    """Write JSON as the standard has it (no NaN), whole or not at all. Raises OutputError."""
    try:
        text = json.dumps(content, allow_nan=False, indent=indent, ensure_ascii=False)
    except ValueError:
        raise OutputError(
            f"{path}: cannot be written: a number in it is NaN or infinite, which JSON cannot hold"
        ) from None
    atomic_write(Path(path), (text + "\n").encode())


def read_json(path: str | Path) -> Any:
    """Read a JSON file. Raises UnreadableFile when it is missing or no JSON."""
    path = Path(path)
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"{path}: expected at most {_MOST_BYTES >> 30} GiB of JSON. Split the file.")
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UnreadableFile(f"{path}: no such file") from None
    except OSError as error:
        raise UnreadableFile(f"{path}: cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:120]
        raise UnreadableFile(f"{path}: expected JSON, got something else ({reason})") from None
