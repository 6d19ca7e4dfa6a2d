"""Parts of answers: results as JSON, label maps as PNG, and what the server keeps for later, packed. Only workers open it again."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core import rle
from ...core.hierarchy import Hierarchy
from ...core.instances import Instance, Instances, numbered
from ...core.segmentation import Provenance, Segmentation
from ...io.pictures import png_bytes
from ...io.taxonomy import taxonomy_of


def result_document(result: Segmentation | Instances, task: str, form: str) -> dict[str, Any]:
    flat = numbered(result)
    return {
        "task": task,
        "width": flat.shape[1],
        "height": flat.shape[0],
        "background": flat.background,
        "segments": segment_list(flat),
        "labels_png": base64_text(png(rgb24(flat.ids) if form == "rgb24" else narrow(flat.ids))),
        "taxonomy": None if flat.taxonomy is None else flat.taxonomy.to_dict(),
        "provenance": provenance_document(result.provenance),
    }


def segment_list(result: Segmentation) -> list[dict[str, Any]]:
    return [
        {key: s[key] for key in ("id", "area", "box", "category", "name", "score")}
        for s in result.to_dict()["segments"]
    ]


def provenance_document(origin: Provenance | None) -> dict[str, Any] | None:
    return None if origin is None else asdict(origin) | {"notes": list(origin.notes), "options": dict(origin.options)}


def narrow(ids: NDArray) -> NDArray:
    """The grey form: 8 or 16 bits, or 24-bit RGB."""
    most = int(ids.max(initial=0))
    return ids.astype(np.uint8) if most < 256 else ids.astype(np.uint16) if most < 65536 else rgb24(ids)


def rgb24(ids: NDArray) -> NDArray[np.uint8]:
    four = np.ascontiguousarray(ids, "<u4").view(np.uint8).reshape(*ids.shape, 4)
    return np.ascontiguousarray(four[..., :3])


def png(pixels: NDArray) -> bytes:
    return png_bytes(pixels, effort=1)


def base64_text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def json_bytes(content: Any) -> bytes:
    return json.dumps(content, allow_nan=False, ensure_ascii=False, separators=(",", ":"), default=_plain).encode()


def _plain(value: Any) -> Any:
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(type(value).__name__)


def kept_bytes(folder: Path, result: Segmentation | Instances | Hierarchy) -> bytes:
    """What the server keeps of a result: a letter for its kind, then its own file; of objects their masks as text."""
    if isinstance(result, Instances):
        masks = [[each.mask.to_string(), each.category, each.score] for each in result.instances]
        taxonomy = None if result.taxonomy is None else result.taxonomy.to_dict()
        return b"I" + json_bytes([result.shape, masks, taxonomy, provenance_document(result.provenance)])
    path = folder / "kept"
    result.save(path)
    return (b"H" if isinstance(result, Hierarchy) else b"S") + path.read_bytes()


def kept_result(folder: Path, kept: bytes) -> Segmentation | Instances | Hierarchy:
    """What `kept_bytes` was made of."""
    if kept[:1] == b"I":
        shape, masks, taxonomy, origin = json.loads(kept[1:])
        return Instances(
            tuple(shape),
            tuple(Instance(rle.from_string(text, shape), category, score) for text, category, score in masks),
            taxonomy and taxonomy_of(taxonomy, "a kept result"),
            origin and Provenance(**(origin | {"notes": tuple(origin["notes"])})),
        )
    path = folder / "kept"
    path.write_bytes(kept[1:])
    return (Hierarchy if kept[:1] == b"H" else Segmentation).load(path)


def packed(labels: NDArray[np.uint8]) -> bytes:
    return zlib.compress(labels.tobytes(), 1)


def unpacked(data: bytes, shape: tuple[int, int]) -> NDArray[np.uint8]:
    return np.frombuffer(zlib.decompress(data), np.uint8).reshape(shape)
