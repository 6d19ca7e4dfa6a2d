"""What answers look like in /openapi.json: examples, and the errors that every route may give."""

from __future__ import annotations

from typing import Any

ERRORS = {
    400: "The body is not the form or the JSON it says it is",
    401: "A token is needed",
    403: "From a page of another origin, or under a name this server does not have",
    404: "No such thing",
    405: "Not this kind of request",
    408: "The upload stalled",
    409: "Not in this state",
    413: "Too many bytes or pixels",
    415: "No image",
    422: "An option, a prompt or a damaged image",
    429: "Too much is waiting",
    503: "The process that did this work died",
    504: "The work took too long and was ended",
    507: "The work needed too much memory and was ended",
}
_SEGMENTS = [
    {"id": 1, "area": 180000, "box": [0, 0, 600, 400], "category": None, "name": None, "score": None},
    {"id": 2, "area": 60000, "box": [210, 90, 420, 330], "category": None, "name": None, "score": None},
]
_PROVENANCE = {
    "method": "otsu", "options": {}, "version": "0.1.0", "seconds": 0.01, "notes": ["uint8: 0..255 -> 0..1"]
}  # fmt: skip
RESULT: dict[str, Any] = {
    "task": "foreground",
    "width": 600,
    "height": 400,
    "background": 1,
    "segments": _SEGMENTS,
    "labels_png": "iVBORw0KGgo..",
    "taxonomy": None,
    "provenance": _PROVENANCE,
}
KEPT_RESULT = {**RESULT, "result": "r1"}
TREE = {
    "width": 481,
    "height": 321,
    "leaves": 3120,
    "default": 0.31,
    "leaves_png": "iVBORw0KGgo..",
    "order": "AAAAAA==",
    "joints": "AACAPw==",
    "provenance": {**_PROVENANCE, "method": "contours"},
    "result": "r2",
}
SESSION = {
    "session": "9f86d081884c7d659a2feaa0c55ad015",
    "width": 1024,
    "height": 768,
    "bands": 3,
    "notes": [],
    "step": 0,
    "expires_in": 1800.0,
}
STEP = {
    "step": 3,
    "exact": False,
    "width": 1024,
    "height": 768,
    "background": 1,
    "objects": 1,
    "segments": _SEGMENTS,
    "labels_png": "iVBORw0KGgo..",
    "seconds": 0.12,
    "result": "step3",
    "prompts": {"boxes": [[40, 30, 300, 220]], "strokes": 4, "points": 0},
}
JOB = {
    "job": "0cc175b9c0f1b6a831c399e269772661",
    "state": "queued",
    "done": 0,
    "of": 3,
    "fraction": 0.0,
    "phase": "waiting",
    "seconds": 0.0,
    "error": None,
}
JOB_RESULT = {"results": [KEPT_RESULT]}
HEALTH = {"status": "ok", "version": "0.1.0", "workers": 3, "ready": 3}
LIMITS = {
    "max_upload": 20_000_000,
    "max_pixels": 25_000_000,
    "time_limit": 60.0,
    "memory_limit": 2_048_000_000,
    "queue": 64,
    "sessions": 32,
    "session_life": 1800.0,
    "retention": "Images are held in the memory of this server only ..",
}
METHODS = {
    "default": "contours",
    "methods": [
        {
            "name": "slic",
            "task": "superpixels",
            "summary": "Superpixels by k-means on colour and position: compact, about equal in size, very fast.",
            "paper": "Achanta et al., IEEE TPAMI 34(11), 2012",
            "prompts": [],
            "needs_prompt": False,
            "extra": None,
            "available": True,
            "hierarchy": False,
            "notice": None,
            "options": [
                {
                    "name": "segments", "type": "int", "default": 400, "low": 1, "high": 100000, "unit": "regions",
                    "choices": [], "help": "number of regions", "optional": False,
                }
            ],
        }
    ],
}  # fmt: skip
SAMPLES = {
    "samples": [
        {"name": "coffee", "title": "A cup of coffee", "width": 600, "height": 400, "url": "/api/samples/coffee"}
    ]
}
STUDIO_HEALTH = {"status": "UP", "model_class": "Kontur"}
STUDIO_SETUP = {"model_version": "kontur grabcut"}
STUDIO_WEBHOOK = {"result": None, "status": "ok"}
STUDIO_TRAIN: dict[str, Any] = {}
STUDIO_PREDICT = {
    "results": [
        {
            "result": [
                {
                    "id": "a1b2c3d4e5", "from_name": "tag", "to_name": "image", "type": "brushlabels",
                    "original_width": 600, "original_height": 400, "image_rotation": 0, "score": 1.0,
                    "value": {"format": "rle", "rle": [0, 14, 166, 0], "brushlabels": ["Thing"]},
                }
            ],
            "score": 1.0,
            "model_version": "kontur grabcut",
        }
    ],
    "model_version": "kontur grabcut",
}  # fmt: skip


def example(content: Any, status: int = 200) -> dict[int | str, dict[str, Any]]:
    """For `responses` of a route: what a success looks like."""
    return {
        status: {
            "description": "Success",
            "content": {"application/json": {"schema": schema_of(content), "example": content}},
        }
    }


def file(kind: str, what: str) -> dict[int | str, dict[str, Any]]:
    """The same of a route that answers a file."""
    return {200: {"description": what, "content": {kind: {"schema": {"type": "string", "format": "binary"}}}}}


_BINARY = {"schema": {"type": "string", "format": "binary"}}
EXPORTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file: a PNG for labels, cutout, overlay and ultrametric",
        "headers": {
            "Content-Disposition": {
                "schema": {"type": "string"}, "example": 'attachment; filename="kontur.labels.png"',
            }
        },
        "content": {
            "image/png": _BINARY,
            "image/svg+xml": _BINARY,
            "application/json": {
                "schema": {"type": "object"},
                "example": {
                    "images": [{"id": 1, "file_name": "photo.jpg", "width": 600, "height": 400}],
                    "categories": [{"id": 1, "name": "object"}],
                    "annotations": [
                        {
                            "id": 1, "image_id": 1, "category_id": 1, "iscrowd": 0, "area": 60000,
                            "bbox": [210, 90, 210, 240], "segmentation": {"size": [400, 600], "counts": "PZ8.."},
                        }
                    ],
                },
            },
            "application/geo+json": {
                "schema": {"type": "object"},
                "example": {
                    "type": "FeatureCollection",
                    "features": [
                        {
                            "type": "Feature", "properties": {"id": 2, "area": 60000},
                            "geometry": {"type": "Polygon", "coordinates": [[[210, 90], [420, 90], [420, 330], [210, 90]]]},
                        }
                    ],
                },
            },
        },
    }
}  # fmt: skip


def schema_of(content: Any, key: str = "") -> dict[str, Any]:
    """A schema that the example fulfils: every key of an object is there, null means that anything may be there."""
    if isinstance(content, dict):
        if key in ("options", "provenance"):
            return {"type": ["object", "null"]}
        properties = {name: schema_of(value, name) for name, value in content.items()}
        return {"type": "object", "properties": properties, "required": list(content)}
    if isinstance(content, list):
        return {"type": "array", "items": schema_of(content[0]) if content else {}}
    if content is None or key in ("default", "labels_png", "result", "background", "low", "high"):
        return {}
    if isinstance(content, bool):
        return {"type": "boolean"}
    if isinstance(content, int | float):
        return {"type": "number"}
    return {"type": "string"}


def empty_step(height: int, width: int) -> dict[str, Any]:
    """The step before any prompt."""
    return {
        "step": 0,
        "exact": True,
        "width": width,
        "height": height,
        "background": 1,
        "objects": 0,
        "segments": [],
        "labels_png": None,
        "seconds": 0.0,
        "result": None,
        "prompts": {"boxes": [], "strokes": 0, "points": 0},
    }
