"""One call, nothing kept."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, File, Form, UploadFile
from fastapi.responses import Response

from .. import answers, forms
from ..state import State
from .common import json_answer, read_form_image, what_to_do


def add_segment(app: FastAPI, state: State) -> None:
    @app.post("/api/segment", tags=["segment"], responses=answers.example(answers.RESULT))
    async def segment(
        image: Annotated[UploadFile, File(description="JPEG, PNG, TIFF, WebP or BMP")],
        method: Annotated[str | None, Form(max_length=200, examples=["slic"])] = None,
        options: Annotated[str | None, Form(examples=['{"segments": 200}'])] = None,
        prompts: Annotated[str | None, Form(examples=['{"boxes": [[40, 30, 300, 220]]}'])] = None,
        labels: Annotated[forms.Labels, Form()] = "grey",
    ) -> Response:
        """Cut one image into regions. Nothing of it is kept."""
        payload = what_to_do(method, options, prompts, labels)
        payload["image"] = await read_form_image(state.limits, image)
        return json_answer((await state.work("segment", payload))[0])
