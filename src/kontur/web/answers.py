"""What answers look like: models of their content, with an example each for /openapi.json, and the errors that routes may give."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

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


class _Answer(BaseModel):
    """Every key is there; a further one is a fault of ours."""

    model_config = ConfigDict(extra="forbid")


class Segment(_Answer):
    """A segment of a result. box: x0, y0, x1, y1 in pixels, the ends exclusive."""

    id: int
    area: int
    box: tuple[int, int, int, int]
    category: int | None
    name: str | None
    score: float | None


class Provenance(_Answer):
    """How a result was made."""

    method: str
    options: dict[str, Any]
    version: str
    seconds: float
    notes: list[str]


class Result(_Answer):
    """An image cut by a method. labels_png: base64 of a PNG of ids. background: the segment that is none of the objects."""

    task: str
    width: int
    height: int
    background: int | None
    segments: list[Segment]
    labels_png: str
    taxonomy: dict[str, Any] | None
    provenance: Provenance | None


class KeptResult(Result):
    """The same, with the name under which it can be exported."""

    result: str


class Tree(_Answer):
    """A hierarchy of regions: leaves as a PNG of ids, order and joints as base64 (docs/web.md)."""

    width: int
    height: int
    leaves: int
    default: float
    leaves_png: str
    order: str
    joints: str
    provenance: Provenance | None
    result: str


class SessionState(_Answer):
    """An open session. expires_in: seconds."""

    session: str
    width: int
    height: int
    bands: int
    notes: list[str]
    step: int
    expires_in: float


class Prompted(_Answer):
    """What a step was made from."""

    boxes: list[list[int]]
    strokes: int
    points: int


class Step(_Answer):
    """The answer to prompts. labels_png, result: null before any prompt."""

    step: int
    exact: bool
    width: int
    height: int
    background: int
    objects: int
    segments: list[Segment]
    labels_png: str | None
    seconds: float
    result: str | None
    prompts: Prompted


class Job(_Answer):
    """How far a job is. fraction: in [0, 1]."""

    job: str
    state: str
    done: int
    of: int
    fraction: float
    phase: str
    seconds: float
    error: str | None


class JobResult(_Answer):
    """What a job has found, an image each."""

    results: list[KeptResult]


class Health(_Answer):
    status: str
    version: str
    workers: int
    ready: int


class ServerLimits(_Answer):
    """Bytes, pixels and seconds that the server allows."""

    max_upload: int
    max_pixels: int
    time_limit: float
    memory_limit: int
    queue: int
    sessions: int
    session_life: float
    retention: str


class MethodOption(_Answer):
    name: str
    type: str
    default: Any
    low: float | None
    high: float | None
    unit: str
    choices: list[Any]
    help: str
    optional: bool


class MethodEntry(_Answer):
    """A method. notice: the terms of a network's data."""

    name: str
    task: str
    summary: str
    paper: str
    prompts: list[str]
    needs_prompt: bool
    extra: str | None
    available: bool
    hierarchy: bool
    notice: str | None
    options: list[MethodOption]


class Methods(_Answer):
    default: str
    methods: list[MethodEntry]


class Sample(_Answer):
    name: str
    title: str
    width: int
    height: int
    url: str


class Samples(_Answer):
    samples: list[Sample]


class StudioHealth(_Answer):
    status: str
    model_class: str


class StudioSetup(_Answer):
    model_version: str


class StudioWebhook(_Answer):
    result: None
    status: str


class StudioPrediction(_Answer):
    """result: regions as Label Studio's own form has them."""

    result: list[dict[str, Any]]
    score: float
    model_version: str


class StudioPredictions(_Answer):
    results: list[StudioPrediction]
    model_version: str


_ORIGIN = Provenance(method="otsu", options={}, version="0.1.0", seconds=0.01, notes=["uint8: 0..255 -> 0..1"])
_FOUND = [
    Segment(id=1, area=180000, box=(0, 0, 600, 400), category=None, name=None, score=None),
    Segment(id=2, area=60000, box=(210, 90, 420, 330), category=None, name=None, score=None),
]
_RESULT: dict[str, Any] = {
    "task": "foreground", "width": 600, "height": 400, "background": 1, "segments": _FOUND,
    "labels_png": "iVBORw0KGgo..", "taxonomy": None, "provenance": _ORIGIN,
}  # fmt: skip
RESULT = Result(**_RESULT)
KEPT_RESULT = KeptResult(**_RESULT, result="r1")
TREE = Tree(
    width=481, height=321, leaves=3120, default=0.31, leaves_png="iVBORw0KGgo..", order="AAAAAA==", joints="AACAPw==",
    provenance=_ORIGIN.model_copy(update={"method": "contours"}), result="r2",
)  # fmt: skip
SESSION = SessionState(
    session="9f86d081884c7d659a2feaa0c55ad015", width=1024, height=768, bands=3, notes=[], step=0, expires_in=1800.0
)
STEP = Step(
    step=3, exact=False, width=1024, height=768, background=1, objects=1, segments=_FOUND, labels_png="iVBORw0KGgo..",
    seconds=0.12, result="step3", prompts=Prompted(boxes=[[40, 30, 300, 220]], strokes=4, points=0),
)  # fmt: skip
JOB = Job(
    job="0cc175b9c0f1b6a831c399e269772661", state="queued", done=0, of=3, fraction=0.0, phase="waiting", seconds=0.0, error=None
)  # fmt: skip
JOB_RESULT = JobResult(results=[KEPT_RESULT])
HEALTH = Health(status="ok", version="0.1.0", workers=3, ready=3)
LIMITS = ServerLimits(
    max_upload=20_000_000, max_pixels=25_000_000, time_limit=60.0, memory_limit=2_048_000_000, queue=64, sessions=32,
    session_life=1800.0, retention="Images are held in the memory of this server only ..",
)  # fmt: skip
METHODS = Methods(
    default="contours",
    methods=[
        MethodEntry(
            name="slic", task="superpixels", paper="Achanta et al., IEEE TPAMI 34(11), 2012", prompts=[], needs_prompt=False,
            summary="Superpixels by k-means on colour and position: compact, about equal in size, very fast.",
            extra=None, available=True, hierarchy=False, notice=None,
            options=[
                MethodOption(name="segments", type="int", default=400, low=1, high=100000, unit="regions", choices=[],
                             help="number of regions", optional=False)
            ],
        )
    ],
)  # fmt: skip
SAMPLES = Samples(
    samples=[Sample(name="coffee", title="A cup of coffee", width=600, height=400, url="/api/samples/coffee")]
)
STUDIO_HEALTH = StudioHealth(status="UP", model_class="Kontur")
STUDIO_SETUP = StudioSetup(model_version="kontur grabcut")
STUDIO_WEBHOOK = StudioWebhook(result=None, status="ok")
STUDIO_PREDICT = StudioPredictions(
    results=[
        StudioPrediction(
            result=[
                {
                    "id": "a1b2c3d4e5", "from_name": "tag", "to_name": "image", "type": "brushlabels",
                    "original_width": 600, "original_height": 400, "image_rotation": 0, "score": 1.0,
                    "value": {"format": "rle", "rle": [0, 14, 166, 0], "brushlabels": ["Thing"]},
                }
            ],
            score=1.0,
            model_version="kontur grabcut",
        )
    ],
    model_version="kontur grabcut",
)  # fmt: skip


def example(content: BaseModel, status: int = 200) -> dict[int | str, dict[str, Any]]:
    """For `responses` of a route: the model of a success, and what one looks like."""
    shown = {"application/json": {"example": content.model_dump(mode="json")}}
    return {status: {"model": type(content), "description": "Success", "content": shown}}


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


def empty_step(height: int, width: int) -> Step:
    """The step before any prompt."""
    return Step(
        step=0, exact=True, width=width, height=height, background=1, objects=0, segments=[], labels_png=None, seconds=0.0,
        result=None, prompts=Prompted(boxes=[], strokes=0, points=0),
    )  # fmt: skip
