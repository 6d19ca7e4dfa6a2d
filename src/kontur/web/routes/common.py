"""What several routes share: ids, an uploaded image, a finished answer, and a result as a file."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from fastapi import Path as InPath
from fastapi import UploadFile
from fastapi.responses import Response

from ...files.exports import EXPORTS
from .. import forms
from ..channel import Upload
from ..limits import Limits, Problem
from ..state import State

Format = Literal["labels", "cutout", "overlay", "ultrametric", "coco", "geojson", "json", "svg"]
Id = Annotated[str, InPath(max_length=64, examples=["9f86d081884c7d659a2feaa0c55ad015"])]


def json_answer(content: bytes, status: int = 200) -> Response:
    return Response(content, status, media_type="application/json")


async def read_form_image(limits: Limits, file: UploadFile) -> Upload:
    """An upload with its name made harmless. Raises Problem 413, 415."""
    data = await file.read()
    if len(data) > limits.max_upload:
        most = limits.max_upload / 1e6
        raise Problem(413, f"The image is too large: at most {most:g} MB are taken. Use a smaller image.")
    if not data:
        raise Problem(415, "image: expected a JPEG, PNG, TIFF, WebP or BMP image, got an empty file")
    name = re.sub(r"[^\w.\- ]", "_", (file.filename or "image").replace("\\", "/").rsplit("/", 1)[-1])[:80]
    return Upload(data, name or "image", limits.max_pixels)


def what_to_do(method: str | None, options: str | None, prompts: str | None, labels: str) -> dict[str, Any]:
    return {
        "method": method or None,
        "options": forms.plain_options(forms.json_object(options, "options")),
        "prompts": forms.prompts_of(prompts),
        "labels": labels,
    }


async def exported(
    state: State,
    image: Upload,
    format: Format,
    *,
    kept: bytes | None,
    labels: bytes | None = None,
    level: float | None = None,
) -> Response:
    """The answer of an export. kept: of a method; labels: of a step."""
    payload = {"image": image, "kept": kept, "labels": labels, "form": format, "level": level}
    content = await state.work("export", payload)
    export = EXPORTS[format]
    headers = {"content-disposition": f'attachment; filename="kontur{export.endings[0]}"'}
    return Response(content, media_type=export.media, headers=headers)
