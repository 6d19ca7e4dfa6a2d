"""The methods of the registry: what there is, a picture cut by one, a whole hierarchy, a task of Label Studio."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ... import registry
from ...core.errors import KonturError, OptionError
from ...core.hierarchy import Hierarchy
from ...core.image import Image
from ...core.instances import Instances
from ...core.options import checked_options
from ...core.prompts import Prompts
from ...core.segmentation import Segmentation
from ..channel import Upload
from ..limits import Problem
from .marks import read_prompts
from .packing import base64_text, json_bytes, kept_bytes, png, provenance_document, result_document, rgb24
from .pictures import Tell, canvas_of, read_upload


def methods(folder: Path, tell: Tell) -> bytes:
    """The answer of GET /api/methods."""
    listed = []
    for row in registry.rows():
        entry: dict[str, Any] = {
            "name": row.name,
            "task": row.task,
            "summary": "",
            "paper": row.paper,
            "prompts": list(row.prompts),
            "needs_prompt": row.needs_prompt,
            "extra": row.extra or None,
            "available": True,
            "hierarchy": bool(row.tree),
            "notice": None,
            "options": [],
        }
        try:
            entry["summary"] = row.document.split("\n")[0]
            entry["notice"] = row.predictor({}).notice or None if isinstance(row, registry.PredictorMethod) else None
            entry["options"] = [spec.to_dict() | {"optional": spec.optional} for spec in row.options]
        except KonturError:
            entry["available"] = False
        listed.append(entry)
    return json_bytes({"default": registry.default()[0], "methods": listed})


def row_of(name: str | None) -> registry.Method:
    """A method of this build by its name: no path, no folder, no hub."""
    rows = {row.name: row for row in registry.rows()}
    wanted = name or registry.default()[0]
    if wanted not in rows:
        import difflib

        near = difflib.get_close_matches(wanted[:80], rows, n=3)
        advice = f"Did you mean {' or '.join(map(repr, near))}?" if near else "GET /api/methods lists them."
        raise Problem(404, f"no method named {wanted[:80]!r}. {advice}")
    return rows[wanted]


def _asked(method: str | None, options: dict[str, Any]) -> registry.Method:
    row = row_of(method)
    for name in ("box", "point", "scribbles", "mask", "background_label", "method", "image"):
        if name in options:
            raise OptionError(
                f"options: {name!r} is no option of {row.name}; boxes, points and strokes belong into `prompts`"
            )
    return row


def check(
    folder: Path, tell: Tell, method: str | None, options: dict[str, Any], prompts: dict[str, Any], labels: str
) -> None:
    """Refuse, without an image, what `cut` would refuse of any image."""
    row = _asked(method, options)
    strokes = prompts.get("strokes") or prompts.get("scribbles_png")
    marks = "scribbles" if strokes else "point" if prompts.get("points") else ""
    row.check_prompts([name for name in ("box" if prompts.get("boxes") else "", marks) if name])
    checked_options(row.name, row.options, options)


def cut(
    folder: Path,
    tell: Tell,
    image: Image,
    method: str | None,
    options: dict[str, Any],
    prompts: dict[str, Any],
    max_pixels: int,
) -> Segmentation | Instances:
    """`kontur.segment` by a method of this build."""
    row = _asked(method, options)
    tell("working")
    return row.run(image, _prompts(folder, image, prompts, max_pixels), options).result


def _prompts(folder: Path, image: Image, given: dict[str, Any], max_pixels: int) -> Prompts | None:
    """The prompts of a request; points alone stay points."""
    if not any(given.get(k) for k in ("boxes", "points", "strokes", "scribbles_png")):
        return None
    marks = read_prompts(folder, image.shape, given, max_pixels)
    if given.get("strokes") or given.get("scribbles_png"):
        return marks.prompts if marks.seeds.any() else Prompts(marks.boxes)
    points = [(x, y, int(marks.number_of[label])) for x, y, label in given.get("points") or ()]
    return Prompts(marks.boxes, tuple(points))


def segment(
    folder: Path,
    tell: Tell,
    image: Upload,
    method: str | None,
    options: dict[str, Any],
    prompts: dict[str, Any],
    labels: str,
    result_id: str | None = None,
) -> tuple[bytes, bytes]:
    """An image cut by a method: (the answer, what exports need; empty where the result has no id to be asked for by)."""
    tell("reading")
    canvas = canvas_of(folder, image)
    result = cut(folder, tell, canvas.image, method, options, prompts, image.max_pixels)
    tell("packing")
    answer = result_document(result, row_of(method).task, labels)
    if result_id is None:
        return json_bytes(answer), b""
    return json_bytes(answer | {"result": result_id}), kept_bytes(folder, result)


def tree(
    folder: Path,
    tell: Tell,
    image: Upload,
    method: str | None,
    options: dict[str, Any],
    result_id: str,
) -> tuple[bytes, bytes]:
    """POST .../contours: (the whole hierarchy for the page, what exports need)."""
    read = canvas_of(folder, image).image
    row = row_of(method)
    if not row.tree:
        raise Problem(422, f"method: expected one that makes a hierarchy (contours, region_merging), got {row.name}")
    for key in ("level", "regions"):
        if key in options:
            raise OptionError(f"options: {key} is chosen on the page, from the hierarchy; leave it out here")
    tell("working")
    found = row.run(read, None, options, frozenset({"hierarchy"})).hierarchy
    assert found is not None
    tell("packing")
    found = Hierarchy(found.leaves, found.merges, found.heights, found.default, found.provenance)
    order, joint = found.line
    answer = {
        "width": read.width,
        "height": read.height,
        "leaves": len(found),
        "default": float(found.default),
        "leaves_png": base64_text(png(rgb24(found.leaves))),
        "order": base64_text(order.astype("<i4").tobytes()),
        "joints": base64_text(found.heights[joint].astype("<f4").tobytes()),
        "provenance": provenance_document(found.provenance),
        "result": result_id,
    }
    return json_bytes(answer), kept_bytes(folder, found)


def label_studio(
    folder: Path, tell: Tell, image: Upload, config: str, context: list[dict[str, Any]], method: str
) -> dict[str, Any]:
    """One task of POST /predict."""
    from ..label_studio import predicted

    read = read_upload(folder, image)
    row = row_of(method)

    def run(name: str, prompts: dict[str, Any]) -> Segmentation | Instances:
        return cut(folder, tell, read, name, {}, prompts, image.max_pixels)

    return predicted(read, row, config, context, run)
