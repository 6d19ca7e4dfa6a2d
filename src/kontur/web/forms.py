"""The bodies of requests, with their bounds and examples; they are what /openapi.json says."""

from __future__ import annotations

import json
import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .limits import MOST_BOXES, MOST_LABELS, MOST_POINTS, MOST_STROKES, WIDEST, Problem

Labels = Literal["grey", "rgb24"]
_Whole = Annotated[int, Field(ge=-(2**31), le=2**31 - 1, strict=True)]
_Label = Annotated[int, Field(ge=1, le=MOST_LABELS, strict=True)]
_Place = Annotated[float, Field(ge=-100_000, le=100_000, allow_inf_nan=False)]


class Error(BaseModel):
    """The body of every answer with a status of 400 or more."""

    error: str = Field(examples=["The upload is too large: at most 20 MB are taken. Use a smaller image."])


class Stroke(BaseModel):
    """A round brush along a polyline. label: 1 background, 2.. objects; width: diameter in pixels."""

    model_config = ConfigDict(extra="forbid")

    label: _Label
    width: Annotated[float, Field(ge=1, le=WIDEST, allow_inf_nan=False)] = 9
    points: Annotated[list[tuple[_Place, _Place]], Field(min_length=1, max_length=MOST_POINTS)]


class Prompts(BaseModel):
    """Boxes, points, strokes; see docs/web.md."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "boxes": [[40, 30, 300, 220]],
                    "strokes": [{"label": 2, "width": 9, "points": [[100, 80], [130.5, 95]]}],
                }
            ]
        },
    )

    boxes: Annotated[list[tuple[_Whole, _Whole, _Whole, _Whole]], Field(max_length=MOST_BOXES)] | None = None
    points: Annotated[list[tuple[_Whole, _Whole, _Label]], Field(max_length=1000)] | None = None
    strokes: Annotated[list[Stroke], Field(max_length=MOST_STROKES)] | None = None
    scribbles_png: str | None = None

    def to_work(self) -> dict[str, Any]:
        return {k: v for k, v in self.model_dump().items() if k in ("boxes", "points", "strokes", "scribbles_png")}


class SessionPrompts(Prompts):
    """The same, with the form of the label map in the answer."""

    labels: Labels = "grey"


class SegmentBody(BaseModel):
    """What to do with the image of a session."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"method": "slic", "options": {"segments": 200}, "labels": "rgb24"}]},
    )

    method: str | None = Field(None, max_length=200)
    options: dict[str, Any] = {}
    prompts: Prompts = Prompts()
    labels: Labels = "grey"


class ContoursBody(BaseModel):
    """Which hierarchy."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"method": "contours", "options": {}}]})

    method: str | None = Field(None, max_length=200)
    options: dict[str, Any] = {}


class StudioBody(BaseModel):
    """What Label Studio sends to /predict; keys that are of no account here are let pass."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "tasks": [{"id": 1, "data": {"image": "data:image/png;base64,iVBORw0KGgo.."}}],
                    "label_config": '<View><Image name="image" value="$image"/><BrushLabels name="tag" toName="image">'
                    '<Label value="Thing"/></BrushLabels></View>',
                    "params": {"context": {"result": []}},
                }
            ]
        }
    )

    tasks: Annotated[list[dict[str, Any]], Field(max_length=256)]
    label_config: Annotated[str, Field(max_length=100_000)]
    project: str | int | None = None
    params: dict[str, Any] | None = None


def json_object(text: str | None, name: str) -> dict[str, Any]:
    """A form field that holds a JSON object. Raises Problem 400 for no JSON, 422 for another kind of JSON."""
    if text is None or not text.strip():
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise Problem(400, f'{name}: expected a JSON object such as {{"segments": 200}}, got something else') from None
    if not isinstance(value, dict):
        raise Problem(422, f"{name}: expected a JSON object, got {type(value).__name__}")
    return checked_options(value)


def checked_options(options: dict[str, Any]) -> dict[str, Any]:
    """Options are plain values; the method itself checks names and ranges. Raises Problem 422."""
    if len(options) > 100:
        raise Problem(422, f"options: expected at most 100, got {len(options)}")
    return options


def plain_options(options: dict[str, Any]) -> dict[str, Any]:
    """Raises Problem 422 unless every option is a number, a word, true, false or null."""
    for name, value in checked_options(options).items():
        if not isinstance(value, str | int | float | bool | None) or (
            isinstance(value, float) and not math.isfinite(value)
        ):
            raise Problem(422, f"option {name[:80]}: expected a number, a word, true, false or null")
        if isinstance(value, str) and len(value) > 1000:
            raise Problem(422, f"option {name[:80]}: expected at most 1000 characters, got {len(value)}")
    return options


def prompts_of(text: str | None) -> dict[str, Any]:
    """The form field `prompts`. Raises Problem."""
    try:
        return Prompts.model_validate(json_object(text, "prompts")).to_work()
    except ValidationError as error:
        raise Problem(422, sentence(error.errors(), "prompts")) from None


def sentence(errors: Any, where: str = "") -> str:
    """The first of pydantic's errors, as one sentence."""
    first = errors[0]
    place = ".".join(str(part) for part in first.get("loc", ()) if part not in ("body", "query", "path"))
    name = ".".join(filter(None, [where, place])) or "the request"
    text = str(first.get("msg", "is not as expected"))
    more = f" ({len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{name}: {text[:1].lower()}{text[1:]}{more}"[:300]
