"""The calls of Label Studio to an ML backend; `kontur.web.label_studio` says where they were looked up."""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse

from .. import answers, forms
from ..channel import Upload
from ..fetching import image_of_task
from ..limits import Problem
from ..state import State

_DEFAULT = "grabcut"
_STUDIO_EVENTS = ("ANNOTATION_CREATED", "ANNOTATION_UPDATED", "ANNOTATION_DELETED", "START_TRAINING")


def add_label_studio(app: FastAPI, state: State, address: str | None) -> None:
    key = os.environ.get("KONTUR_LABEL_STUDIO_KEY", "")
    chosen = {"method": _DEFAULT}

    @app.get("/health", tags=["label studio"], responses=answers.example(answers.STUDIO_HEALTH))
    async def health() -> answers.StudioHealth:
        return answers.STUDIO_HEALTH

    @app.post("/setup", tags=["label studio"], responses=answers.example(answers.STUDIO_SETUP))
    async def setup(body: dict[str, Any]) -> answers.StudioSetup:
        extra = body.get("extra_params")
        if isinstance(extra, str):
            extra = forms.json_object(extra, "extra_params")
        name = extra.get("method") if isinstance(extra, dict) else None
        if isinstance(name, str):
            content: bytes = await asyncio.shield(asyncio.wrap_future(state.methods()))
            known = {method["name"] for method in json.loads(content)["methods"]}
            if name not in known:
                raise Problem(404, f"no method named {name[:80]!r}. GET /api/methods lists them.")
        chosen["method"] = name if isinstance(name, str) else _DEFAULT
        return answers.StudioSetup(model_version=f"kontur {chosen['method']}")

    @app.post("/predict", tags=["label studio"], responses=answers.example(answers.STUDIO_PREDICT))
    async def predict(body: forms.StudioBody) -> JSONResponse:
        """Predictions of the tasks, in their order."""
        context = ((body.params or {}).get("context") or {}) if body.params else {}
        drawn = context.get("result") if isinstance(context, dict) else None
        shapes = [shape for shape in drawn if isinstance(shape, dict)] if isinstance(drawn, list) else []
        results = []
        for task in body.tasks:
            data = await asyncio.to_thread(
                image_of_task, task, body.label_config, state.limits.max_upload, address, key
            )
            payload = {
                "image": Upload(data, "image", state.limits.max_pixels),
                "config": body.label_config,
                "context": shapes[:200],
                "method": chosen["method"],
            }
            results.append(await state.work("label_studio", payload))
        return JSONResponse({"results": results, "model_version": f"kontur {chosen['method']}"})

    @app.post(
        "/webhook", tags=["label studio"], status_code=201, responses=answers.example(answers.STUDIO_WEBHOOK, 201)
    )
    async def webhook(body: dict[str, Any]) -> JSONResponse:
        """Nothing is learnt from annotations; the call is answered so that Label Studio is content."""
        if body.get("action") not in _STUDIO_EVENTS:
            return JSONResponse({"status": "Unknown event"})
        return JSONResponse(answers.STUDIO_WEBHOOK.model_dump(), 201)

    @app.post("/train", tags=["label studio"], status_code=201)
    async def train(body: dict[str, Any]) -> dict[str, Any]:
        """The same for a Label Studio that asks for training here."""
        return {}
