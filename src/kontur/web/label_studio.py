"""Label Studio's ML backend: its shapes as prompts, our segments as its shapes. Coordinates there are percent of the image.

Looked up on 2026-11-22 in HumanSignal/label-studio-ml-backend at d02cedf (August 2026), `label_studio_ml/api.py` and the
SAM 2 example: POST /predict takes `tasks`, `label_config`, `project` and `params` with `context` (what the annotator has drawn with
a smart tool, under `result`; `is_positive` of a key point is a number or a truth value), and answers one prediction a task;
/setup takes `project`, `schema`, `extra_params`; /webhook names its event in `action`; and in HumanSignal/label-studio,
`label_studio/ml/api_connector.py`, which asks for training at /webhook or, before that, at /train. The brush format is the one of
`label_studio_sdk.converter.brush`.

Format of its brush masks: runs of the RGBA picture's bytes, row by row, written in bits: the number of bytes (32), the bits
of a value less 1 (5), four bit widths less 1 (4 each); then blocks: 1 for a run or 0 for single values, which of the four
widths (2), the length less 1 in so many bits, and the value or values.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from .. import registry
from ..core.errors import InputError
from ..core.image import Image
from ..core.instances import Instances
from ..core.segmentation import Segmentation

_WIDTHS = (3, 4, 8, 16)
_CONTROLS = {"BrushLabels": "brushlabels", "PolygonLabels": "polygonlabels", "RectangleLabels": "rectanglelabels"}
_MOST_OBJECTS = 100
_TOLERANCE = 1.0
"""Pixels that a polygon may leave the border of its mask."""

Result = Segmentation | Instances


def encode_brush(mask: NDArray[np.bool_]) -> list[int]:
    """A mask (H, W) in the brush format."""
    flat = mask.ravel()
    edges = np.flatnonzero(np.diff(flat)) + 1
    ends = np.append(edges, flat.size)
    starts = np.concatenate([[0], edges])
    bits = [format(flat.size * 4, "032b"), format(7, "05b"), *(format(w - 1, "04b") for w in _WIDTHS)]
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        value = "11111111" if flat[start] else "00000000"
        left = (end - start) * 4
        while left:
            length = min(left, 1 << 16)
            which = next(i for i, w in enumerate(_WIDTHS) if length <= 1 << w)
            bits.append(f"1{which:02b}{length - 1:0{_WIDTHS[which]}b}{value}")
            left -= length
    text = "".join(bits)
    text += "0" * (-len(text) % 8)
    return np.packbits(np.frombuffer(text.encode(), np.uint8) - 48).tolist()


def decode_brush(data: list[int], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """The mask (H, W) of a brush. Raises InputError for what is none, or of another size."""
    wrong = InputError(
        f"brush: expected a mask of {shape[1]}x{shape[0]} pixels in Label Studio's format, got something else"
    )
    try:
        bits = "".join(format(byte, "08b") for byte in bytes(iter(data)))
    except (ValueError, TypeError):
        raise wrong from None
    at = 0

    def read(count: int) -> int:
        nonlocal at
        at += count
        if at > len(bits):
            raise wrong
        return int(bits[at - count : at], 2)

    total, word = read(32), read(5) + 1
    widths = [read(4) + 1 for _ in range(4)]
    if total != shape[0] * shape[1] * 4 or word != 8:
        raise wrong
    out = np.empty(total, np.uint8)
    done = 0
    while done < total:
        run = read(1)
        end = done + 1 + read(widths[read(2)])
        if end > total:
            raise wrong
        if run:
            out[done:end] = read(word)
        else:
            for place in range(done, end):
                out[place] = read(word)
        done = end
    return out.reshape(*shape, 4)[..., 3] > 0


def control_of(config: str) -> tuple[str, str, str, list[str]]:
    """(tag, from_name, to_name, labels) of the control of a labelling configuration that takes regions most exactly.

    A brush before polygons, polygons before rectangles: a rectangle beside a brush is a smart tool, with which to ask.
    """
    if "<!" in config.replace("<!--", ""):
        raise InputError("label_config: expected plain XML without declarations")
    try:
        root = ElementTree.fromstring(config)
    except ElementTree.ParseError as error:
        raise InputError(f"label_config: expected XML, got something else ({error})") from None
    for tag in _CONTROLS:
        for element in root.iter(tag):
            labels = [label.get("value", "") for label in element.iter("Label")]
            return tag, element.get("name", ""), element.get("toName", ""), [x for x in labels if x]
    raise InputError(f"label_config: expected one of {', '.join(_CONTROLS)}, got none of them")


def prompts_of(
    context: list[dict[str, Any]], shape: tuple[int, int]
) -> tuple[dict[str, Any], str | None, NDArray | None]:
    """What the annotator has drawn: (PROMPTS of the API, the label he chose, a brushed mask)."""
    height, width = shape
    boxes, points, label = [], [], None
    brushed: NDArray | None = None
    for entry in context:
        value = entry.get("value") or {}
        if not isinstance(value, dict):
            raise InputError(f"context: expected the value of a shape as an object, got {type(value).__name__}")
        kind = str(entry.get("type", ""))
        chosen = value.get(kind) or value.get("labels")
        label = chosen[0] if isinstance(chosen, list) and chosen and isinstance(chosen[0], str) else label
        try:
            if kind.startswith("rectangle"):
                x, y = float(value["x"]) / 100 * width, float(value["y"]) / 100 * height
                w, h = float(value["width"]) / 100 * width, float(value["height"]) / 100 * height
                x0, y0 = max(0, int(x)), max(0, int(y))
                x1, y1 = min(width, round(x + w)), min(height, round(y + h))
                boxes.append([x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)])
            elif kind.startswith("keypoint"):
                x, y = float(value["x"]) / 100 * width, float(value["y"]) / 100 * height
                positive = 2 if entry.get("is_positive", True) else 1
                points.append([min(width - 1, max(0, int(x))), min(height - 1, max(0, int(y))), positive])
            elif kind.startswith("brush") and value.get("rle"):
                mask = decode_brush(value["rle"], shape)
                brushed = mask if brushed is None else brushed | mask
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(
                f"context: expected a {kind or 'shape'} in percent of the image, got another form"
            ) from None
    return {"boxes": boxes, "points": points}, label, brushed


def predicted(
    image: Image,
    row: registry.Method,
    config: str,
    context: list[dict[str, Any]],
    run: Callable[[str, dict[str, Any]], Result],
) -> dict[str, Any]:
    """The prediction of one task: {"result": [..], "score", "model_version"}."""
    tag, from_name, to_name, labels = control_of(config)
    given, chosen, brushed = prompts_of(context, image.shape)
    if brushed is not None:
        given["scribbles_png"] = _as_png(brushed)
    taken = {
        "boxes": given["boxes"] if "box" in row.prompts else [],
        "points": given["points"] if "point" in row.prompts else [],
        "scribbles_png": given.get("scribbles_png") if "scribbles" in row.prompts else None,
    }
    unmarked = not taken["boxes"] and all(label > 1 for _, _, label in taken["points"])
    if row.name == "grabcut" and unmarked and (taken["points"] or taken["scribbles_png"]):
        row = registry.get("clicks")  # GrabCut needs to be told of background; clicks takes the image's border for it
    result = run(row.name, taken)
    flat = result if isinstance(result, Segmentation) else result.flatten()
    names = {c.id: c.name for c in flat.taxonomy} if flat.taxonomy is not None else {}
    fallback = chosen if chosen in labels else (labels[0] if labels else "object")
    shapes: list[dict[str, Any]] = []
    scores = []
    objects = sorted((s for s in flat.segments if s.id != flat.background), key=lambda s: -s.area)[:_MOST_OBJECTS]
    for segment in objects:
        name = names.get(segment.category) if segment.category is not None else None
        label = name if name in labels else fallback
        for value in _values(tag, flat, segment.id):
            shapes.append(
                {
                    "id": secrets.token_hex(5),
                    "from_name": from_name,
                    "to_name": to_name,
                    "type": _CONTROLS[tag],
                    "original_width": image.width,
                    "original_height": image.height,
                    "image_rotation": 0,
                    "score": segment.score if segment.score is not None else 1.0,
                    "value": value | {_CONTROLS[tag]: [label]},
                }
            )
        scores.append(1.0 if segment.score is None else segment.score)
    return {"result": shapes, "score": float(np.mean(scores)) if scores else 0.0, "model_version": f"kontur {row.name}"}


def _values(tag: str, flat: Segmentation, segment: int) -> list[dict[str, Any]]:
    height, width = flat.shape
    found = flat.segment(segment)
    if tag == "BrushLabels":
        return [{"format": "rle", "rle": encode_brush(flat.ids == segment)}]
    x0, y0, x1, y1 = found.box
    if tag == "RectangleLabels":
        box = {"x": x0 / width, "y": y0 / height, "width": (x1 - x0) / width, "height": (y1 - y0) / height}
        return [{key: 100 * share for key, share in box.items()} | {"rotation": 0}]
    from skimage.measure import approximate_polygon

    from ..core.rle import to_polygons

    values = []
    for polygon in to_polygons(flat.crop(segment)):
        ring = polygon.outer + np.array([x0, y0], np.float64)
        slim = approximate_polygon(np.concatenate([ring, ring[:1]]), _TOLERANCE)[:-1]
        if len(slim) >= 3:
            values.append({"points": [[100 * x / width, 100 * y / height] for x, y in slim.tolist()], "closed": True})
    return values


def _as_png(mask: NDArray[np.bool_]) -> str:
    """Scribbles: label 2 where the mask is, as base64."""
    import base64

    from ..io.pictures import png_bytes

    return base64.b64encode(png_bytes(mask.astype(np.uint8) * np.uint8(2))).decode()
