"""What a worker can be asked for: WORK, name -> function(folder, tell, ..). Answers for the page are finished JSON, as bytes.

An upload is written to the worker's folder, read by `kontur.io.photos` (which checks its size on the header), and deleted.
Results that a session keeps are pickled here and read again here only; the server carries them unopened.
"""

from __future__ import annotations

import base64
import inspect
import json
import pickle
import time
import zlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import api, registry
from ..core.errors import InputError, KonturError, OptionError, PromptError
from ..core.hierarchy import Hierarchy
from ..core.image import Image
from ..core.instances import Instances
from ..core.prompts import Prompts
from ..core.segmentation import Provenance, Segmentation
from ..io.pictures import png_bytes
from . import strokes
from .channel import Upload
from .limits import Problem

Tell = Callable[[str], None]

_KEPT_IMAGES, _KEPT_PIXELS = 4, 8_000_000
"""Sessions whose images stay decoded in a worker, for the next stroke, and the sum of their pixels; the last one stays."""
_canvases: OrderedDict[str, strokes.Canvas] = OrderedDict()

# --- images -----------------------------------------------------------------------------------------------------------


def read_upload(folder: Path, upload: Upload) -> Image:
    """The image of an upload. Raises Problem 415 for what is none, TooLarge on its header, InputError for a damaged one."""
    from ..io import photos

    path = folder / "image"
    path.write_bytes(upload.data)
    try:
        with path.open("rb") as file:
            try:
                photos.kind_of(file, path)
            except InputError as error:
                raise Problem(415, str(error).replace(str(path), "image")) from None
        image = photos.read_image(path, max_pixels=upload.max_pixels)
    finally:
        path.unlink(missing_ok=True)
    return replace(image, path=Path(upload.name))


def _canvas(folder: Path, upload: Upload) -> strokes.Canvas:
    """The image and what strokes need; of a session the one that this process has already, where it has it."""
    if upload.session is None:
        return strokes.Canvas(read_upload(folder, upload))
    canvas = _canvases.pop(upload.session, None) or strokes.Canvas(read_upload(folder, upload))
    _canvases[upload.session] = canvas
    while len(_canvases) > _KEPT_IMAGES or (
        len(_canvases) > 1 and sum(c.image.width * c.image.height for c in _canvases.values()) > _KEPT_PIXELS
    ):
        _canvases.popitem(last=False)
    return canvas


def forget(folder: Path, tell: Tell, session: str) -> None:
    """Let a session's image go."""
    _canvases.pop(session, None)


def opened(folder: Path, tell: Tell, image: Upload) -> dict[str, Any]:
    """Read a session's image and prepare what strokes need."""
    tell("reading")
    canvas = _canvas(folder, image)
    canvas.prepare()
    read = canvas.image
    return {"width": read.width, "height": read.height, "bands": read.channels, "notes": list(read.notes)}


def shown(folder: Path, tell: Tell, image: Upload) -> bytes:
    """The image as the methods see it, 8-bit RGB, as PNG."""
    read = _canvas(folder, image).image
    if read.pixels.dtype == np.uint8 and read.channels in (1, 3):
        return _png(read.pixels)
    return _png(np.rint(read.rgb() * np.float32(255)).astype(np.uint8))


# --- methods ----------------------------------------------------------------------------------------------------------


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
            entry["summary"] = (inspect.getdoc(row.load()) or "").split("\n")[0]
            entry["notice"] = _notice(row)
            entry["options"] = [spec.to_dict() | {"optional": spec.optional} for spec in row.options]
        except KonturError:
            entry["available"] = False
        listed.append(entry)
    return _json({"default": registry.default()[0], "methods": listed})


def _notice(row: registry.Method) -> str | None:
    """What is to be said of the terms of a network's data."""
    if row.network_path is None:
        return None
    from ..inference.network_file import open_network

    return open_network(row.network_path).metadata.notice or None


def _row(name: str | None) -> registry.Method:
    """A method of this build by its name: no path, no folder, no hub."""
    rows = {row.name: row for row in registry.rows()}
    wanted = name or registry.default()[0]
    if wanted not in rows:
        import difflib

        near = difflib.get_close_matches(wanted[:80], rows, n=3)
        advice = f"Did you mean {' or '.join(map(repr, near))}?" if near else "GET /api/methods lists them."
        raise Problem(404, f"no method named {wanted[:80]!r}. {advice}")
    return rows[wanted]


def read_prompts(folder: Path, shape: tuple[int, int], given: dict[str, Any], max_pixels: int) -> strokes.Marks:
    """PROMPTS of the API as marks; those of a request alone."""
    seeds, boxes = np.zeros(shape, np.uint8), tuple(tuple(b) for b in given.get("boxes") or ())
    return strokes.Marks(_with_marks(folder, shape, seeds, given, max_pixels), boxes)  # type: ignore[arg-type]


def _with_marks(
    folder: Path, shape: tuple[int, int], seeds: NDArray[np.uint8], given: dict[str, Any], max_pixels: int
) -> NDArray[np.uint8]:
    """`seeds` with a scribbles PNG, then strokes, then points (3 x 3 pixels) over it."""
    Prompts(
        tuple(tuple(b) for b in given.get("boxes") or ()), tuple(tuple(p) for p in given.get("points") or ())
    ).check(shape)  # type: ignore[misc]
    if given.get("scribbles_png"):
        from ..io.labels import read_scribbles

        path = folder / "scribbles"
        try:
            path.write_bytes(base64.b64decode(given["scribbles_png"], validate=True))
        except ValueError:
            raise PromptError("scribbles_png: expected base64, got something else") from None
        marked = read_scribbles(path, max_pixels=max_pixels)
        path.unlink()
        Prompts(scribbles=marked).check(shape)
        if int(marked.max()) > strokes.MOST_LABELS:
            raise PromptError(f"scribbles_png: expected labels up to {strokes.MOST_LABELS}, got {int(marked.max())}")
        seeds = np.where(marked > 0, marked.astype(np.uint8), seeds)
    seeds = strokes.drawn(shape, given.get("strokes") or [], seeds)
    for x, y, label in given.get("points") or []:
        seeds[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2] = label
    return seeds


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
    row = _row(method)
    arguments = dict(options)
    for name in ("box", "point", "scribbles", "mask", "background_label", "method", "image"):
        if name in arguments:
            raise OptionError(
                f"options: {name!r} is no option of {row.name}; boxes, points and strokes belong into `prompts`"
            )
    tell("working")
    if not any(prompts.get(k) for k in ("boxes", "points", "strokes", "scribbles_png")):
        row.check_prompts(())
        return row.load()(image, **arguments)
    marks = read_prompts(folder, image.shape, prompts, max_pixels)
    given = []
    if marks.boxes:
        given.append("box")
    only_points = not prompts.get("strokes") and not prompts.get("scribbles_png")
    if marks.seeds.any():
        given.append("point" if only_points else "scribbles")
    row.check_prompts(given)
    if only_points and prompts.get("points"):
        named = [(x, y, int(marks.number_of[label])) for x, y, label in prompts["points"]]
        return row.load()(image, Prompts(marks.boxes, tuple(named)), **arguments)
    return row.load()(image, marks.prompts, **arguments)


# --- answers ----------------------------------------------------------------------------------------------------------


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
    canvas = _canvas(folder, image)
    result = cut(folder, tell, canvas.image, method, options, prompts, image.max_pixels)
    tell("packing")
    answer = _result(result, _row(method).task, labels)
    if result_id is None:
        return _json(answer), b""
    return _json(answer | {"result": result_id}), _kept(result)


def tree(
    folder: Path,
    tell: Tell,
    image: Upload,
    method: str | None,
    options: dict[str, Any],
    result_id: str,
) -> tuple[bytes, bytes]:
    """POST .../contours: (the whole hierarchy for the page, what exports need)."""
    read = _canvas(folder, image).image
    row = _row(method)
    if not row.tree:
        raise Problem(422, f"method: expected one that makes a hierarchy (contours, region_merging), got {row.name}")
    for key in ("level", "regions"):
        if key in options:
            raise OptionError(f"options: {key} is chosen on the page, from the hierarchy; leave it out here")
    tell("working")
    _, found = api.with_hierarchy(read, row, options)
    tell("packing")
    found = Hierarchy(found.leaves, found.merges, found.heights, found.default, found.provenance)
    order, joint = found.line
    answer = {
        "width": read.width,
        "height": read.height,
        "leaves": len(found),
        "default": float(found.default),
        "leaves_png": _base64(_png(_rgb24(found.leaves))),
        "order": _base64(order.astype("<i4").tobytes()),
        "joints": _base64(found.heights[joint].astype("<f4").tobytes()),
        "provenance": _provenance(found.provenance),
        "result": result_id,
    }
    return _json(answer), _kept(found)


def step(
    folder: Path,
    tell: Tell,
    image: Upload,
    number: int,
    form: str,
    given: dict[str, Any] | None,
    seeds: bytes | None,
    boxes: list[list[int]],
    before: tuple[bytes, list[list[int]], bytes] | None,
    whole: bool,
    counts: dict[str, int],
) -> tuple[bytes, bytes, bytes]:
    """A step of a session: (the answer, its seeds, its labels).

    given: the new prompts; seeds, boxes: all marks before them. before: (seeds, boxes, labels) from which to go on. whole:
    the exact answer.
    """
    started = time.perf_counter()
    canvas = _canvas(folder, image)
    shape = canvas.image.shape
    drawn = _unpacked(seeds, shape) if seeds else np.zeros(shape, np.uint8)
    if given is not None:
        drawn = _with_marks(folder, shape, drawn, given, image.max_pixels)
        boxes = given.get("boxes") or boxes
    marks = strokes.Marks(drawn, tuple(tuple(b) for b in boxes))  # type: ignore[misc]
    if not marks.boxes and not drawn.any():
        raise PromptError("expected a box or a stroke, got none")
    strokes.check(marks, shape)
    past, labels = None, None
    if before is not None:
        past = strokes.Marks(_unpacked(before[0], shape), tuple(tuple(b) for b in before[1]))  # type: ignore[misc]
        labels = _unpacked(before[2], shape)
    found = (strokes.exact if whole else strokes.fast)(canvas, marks, past, labels)
    answer = _step_answer(found, number, whole, form, boxes, counts, time.perf_counter() - started)
    return answer, _packed(drawn), _packed(found)


def step_again(
    folder: Path,
    tell: Tell,
    labels: bytes,
    shape: tuple[int, int],
    number: int,
    whole: bool,
    form: str,
    boxes: list[list[int]],
    counts: dict[str, int],
) -> bytes:
    """The answer of a step that is known."""
    return _step_answer(_unpacked(labels, shape), number, whole, form, boxes, counts, 0.0)


def _step_answer(
    labels: NDArray[np.uint8], number: int, whole: bool, form: str, boxes: Any, counts: dict[str, int], seconds: float
) -> bytes:
    result = Segmentation.from_ids(labels, background=1)
    answer = {
        "step": number,
        "exact": whole,
        "width": result.shape[1],
        "height": result.shape[0],
        "background": 1,
        "objects": sum(s.id != 1 for s in result.segments),
        "segments": _segments(result),
        "labels_png": _base64(_png(_rgb24(labels) if form == "rgb24" else labels)),
        "seconds": round(seconds, 4),
        "result": f"step{number}",
        "prompts": {"boxes": [list(b) for b in boxes], **counts},
    }
    return _json(answer)


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
    read = _canvas(folder, image).image
    result: Any
    if labels is not None:
        ids = _unpacked(labels, read.shape)
        origin = Provenance("grabcut", {"interactive": True})
        result = replace(Segmentation.from_ids(ids, background=1), provenance=origin)
    else:
        assert kept is not None
        result = pickle.loads(zlib.decompress(kept))
    if form == "ultrametric":
        if not isinstance(result, Hierarchy):
            raise Problem(422, "format: ultrametric is of a hierarchy; ask for the contours first")
        return _png(np.rint(result.ultrametric * np.float32(65535)).astype(np.uint16))
    if isinstance(result, Hierarchy):
        result = result.level(level)
    return _file(folder, form, result, read)


def _file(folder: Path, form: str, result: Segmentation | Instances, image: Image) -> bytes:
    path = folder / "export"
    flat = result.flatten() if isinstance(result, Instances) else result
    if form == "labels":
        return _png(_narrow(flat.ids))
    if form == "overlay":
        from ..draw.overlay import overlay

        return _png(overlay(image, result))
    if form == "cutout":
        from ..io.cutout import write_cutout

        write_cutout(path, result, image)
    elif form == "coco":
        from ..io.coco import CocoEntry, write_coco

        write_coco(path, [CocoEntry.of(image.path.name if image.path else "image", result)])
    elif form == "geojson":
        from ..io.geojson import write_geojson

        write_geojson(path, result, image)
    elif form == "svg":
        from ..io.svg import write_svg

        write_svg(path, result, image)
    else:
        from ..io.documents import write_document

        write_document(path, result, image)
    content = path.read_bytes()
    path.unlink()
    return content


def label_studio(
    folder: Path, tell: Tell, image: Upload, config: str, context: list[dict[str, Any]], method: str
) -> dict[str, Any]:
    """One task of POST /predict."""
    from .label_studio import predicted

    read = read_upload(folder, image)
    row = _row(method)

    def run(prompts: dict[str, Any]) -> Segmentation | Instances:
        return cut(folder, tell, read, row.name, {}, prompts, image.max_pixels)

    return predicted(read, row, config, context, run)


# --- parts of answers ---------------------------------------------------------------------------------------------------


def _result(result: Segmentation | Instances, task: str, form: str) -> dict[str, Any]:
    flat = result.flatten() if isinstance(result, Instances) else result
    return {
        "task": task,
        "width": flat.shape[1],
        "height": flat.shape[0],
        "background": flat.background,
        "segments": _segments(flat),
        "labels_png": _base64(_png(_rgb24(flat.ids) if form == "rgb24" else _narrow(flat.ids))),
        "taxonomy": None if flat.taxonomy is None else flat.taxonomy.to_dict(),
        "provenance": _provenance(result.provenance),
    }


def _segments(result: Segmentation) -> list[dict[str, Any]]:
    return [
        {key: s[key] for key in ("id", "area", "box", "category", "name", "score")}
        for s in result.to_dict()["segments"]
    ]


def _provenance(origin: Provenance | None) -> dict[str, Any] | None:
    return None if origin is None else asdict(origin) | {"notes": list(origin.notes), "options": dict(origin.options)}


def _narrow(ids: NDArray) -> NDArray:
    """The grey form: 8 or 16 bits, or 24-bit RGB."""
    most = int(ids.max(initial=0))
    return ids.astype(np.uint8) if most < 256 else ids.astype(np.uint16) if most < 65536 else _rgb24(ids)


def _rgb24(ids: NDArray) -> NDArray[np.uint8]:
    four = np.ascontiguousarray(ids, "<u4").view(np.uint8).reshape(*ids.shape, 4)
    return np.ascontiguousarray(four[..., :3])


def _png(pixels: NDArray) -> bytes:
    return png_bytes(pixels, effort=1)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _json(content: Any) -> bytes:
    return json.dumps(content, allow_nan=False, ensure_ascii=False, separators=(",", ":"), default=_plain).encode()


def _plain(value: Any) -> Any:
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(type(value).__name__)


def _kept(result: Any) -> bytes:
    return zlib.compress(pickle.dumps(result, protocol=pickle.HIGHEST_PROTOCOL), 1)


def _packed(labels: NDArray[np.uint8]) -> bytes:
    return zlib.compress(labels.tobytes(), 1)


def _unpacked(data: bytes, shape: tuple[int, int]) -> NDArray[np.uint8]:
    return np.frombuffer(zlib.decompress(data), np.uint8).reshape(shape)


# --- starting -----------------------------------------------------------------------------------------------------------


def warm_up(folder: Path) -> None:
    """Load the compiled kernels of what a page asks for first, on a small picture."""
    y, x = np.mgrid[:240, :320]
    disc = (y - 120) ** 2 + (x - 150) ** 2 < 70**2
    noise = np.random.default_rng(0).integers(0, 40, (240, 320, 3))
    image = Image((noise + np.where(disc[..., None], (180, 90, 60), (40, 90, 150))).clip(0, 255).astype(np.uint8))
    canvas = strokes.Canvas(image)
    canvas.prepare()
    seeds = np.zeros(image.shape, np.uint8)
    boxed = strokes.Marks(seeds, ((70, 40, 230, 200),))
    labels = strokes.fast(canvas, boxed, None, None)
    stroke = [
        {"label": 1, "width": 9, "points": [[5, 5], [300, 8]]},
        {"label": 2, "width": 9, "points": [[140, 110], [160, 130]]},
    ]
    marks = strokes.Marks(strokes.drawn(image.shape, stroke, seeds), boxed.boxes)
    strokes.fast(canvas, marks, boxed, labels)
    strokes.exact(canvas, marks, boxed, labels)
    _json(_result(Segmentation.from_ids(labels, background=1), "foreground", "rgb24"))


def _test_only(folder: Path, tell: Tell, what: str, amount: float = 0) -> Any:
    """Misbehave, for the tests of the pool: never reached by a request."""
    import os
    import signal

    if what == "sleep":
        time.sleep(amount)
    elif what == "grow":
        held = []
        while True:
            held.append(np.ones(4_000_000, np.uint8))
            time.sleep(0.002)
    elif what == "allocate":
        return int(np.ones(int(amount), np.uint8)[-1])
    elif what == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    elif what == "raise":
        raise ValueError("/a/path that nobody may see")
    return os.getpid()


WORK: dict[str, Callable[..., Any]] = {
    "methods": methods,
    "open": opened,
    "shown": shown,
    "forget": forget,
    "segment": segment,
    "tree": tree,
    "step": step,
    "step_again": step_again,
    "export": export,
    "label_studio": label_studio,
    "test": _test_only,
}
