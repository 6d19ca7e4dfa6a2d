"""The page, its files and samples; the state of the server; what there is to choose from."""

from __future__ import annotations

import asyncio
import mimetypes
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI
from fastapi import Path as InPath
from fastapi.responses import PlainTextResponse, Response

from ..._version import __version__
from .. import answers, samples
from ..limits import Problem
from ..state import State
from ..telemetry import CONTENT_TYPE
from .common import json_answer

STATIC = Path(__file__).parents[1] / "static"
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml",
          ".png": "image/png", ".ico": "image/x-icon", ".json": "application/json", ".woff2": "font/woff2",
          ".webmanifest": "application/manifest+json", ".txt": "text/plain"}  # fmt: skip
_TEXT = ("text/", "application/json", "application/manifest+json", "image/svg+xml")


def add_page(app: FastAPI, state: State) -> None:
    @app.head("/", include_in_schema=False)
    @app.get("/", tags=["page"], response_class=Response, responses=answers.file("text/html", "The page"))
    async def page() -> Response:
        return _static("index.html")

    @app.get(
        "/static/{path:path}",
        tags=["page"],
        response_class=Response,
        responses=answers.file("*/*", "A file of the page"),
    )
    async def static(path: str) -> Response:
        return _static(path)

    @app.get("/favicon.ico", include_in_schema=False)
    async def icon() -> Response:
        return _static("icon.svg")

    @app.head("/healthz", include_in_schema=False)
    @app.get("/healthz", tags=["server"], responses=answers.example(answers.HEALTH))
    async def healthz() -> answers.Health:
        pool = state.pool
        return answers.Health(status="ok", version=__version__, workers=pool.size, ready=pool.ready)

    @app.get("/metrics", tags=["server"], response_class=PlainTextResponse)
    async def metrics() -> PlainTextResponse:
        pool = state.pool
        gauges = {
            "kontur_queue_waiting": ("Pieces of work that wait.", float(pool.waiting)),
            "kontur_workers_busy": ("Processes at work.", float(pool.running)),
            "kontur_workers_ready": ("Processes that are warm.", float(pool.ready)),
            "kontur_workers_bytes": ("Memory of all processes.", float(pool.memory)),
            "kontur_sessions_open": ("Open sessions.", float(len(state.sessions))),
            "kontur_sessions_bytes": ("What sessions hold.", float(state.sessions.size)),
            "kontur_jobs": ("Jobs that are kept.", float(len(state.jobs))),
        }
        return PlainTextResponse(state.telemetry.text(gauges, pool.counts), media_type=CONTENT_TYPE)

    @app.get("/api/limits", tags=["server"], responses=answers.example(answers.LIMITS))
    async def limits() -> answers.ServerLimits:
        here = state.limits
        return answers.ServerLimits(**{name: getattr(here, name) for name in answers.ServerLimits.model_fields})

    @app.get("/api/methods", tags=["methods"], responses=answers.example(answers.METHODS))
    async def methods() -> Response:
        return json_answer(await asyncio.shield(asyncio.wrap_future(state.methods())))

    @app.get("/api/samples", tags=["methods"], responses=answers.example(answers.SAMPLES))
    async def sample_list() -> answers.Samples:
        return answers.Samples(samples=[answers.Sample(**each) for each in samples.listed()])

    @app.get("/api/samples/{name}", tags=["methods"], response_class=Response,
             responses=answers.file("image/*", "The image file"))  # fmt: skip
    async def sample(name: Annotated[str, InPath(max_length=64, examples=["coffee"])]) -> Response:
        path = samples.available().get(name)
        if path is None:
            raise Problem(404, "No such sample. GET /api/samples lists them.")
        return Response(path.read_bytes(), media_type=mimetypes.guess_type(path.name)[0])


def _static(name: str) -> Response:
    """A file of the page, or 404; never one outside its folder."""
    nothing = Problem(404, "There is nothing at this address.")
    if "\0" in name or "\\" in name or not name:
        raise nothing
    try:
        path = (STATIC / name).resolve()
        inside = path.is_relative_to(STATIC.resolve()) and path.is_file()
    except (OSError, ValueError):
        raise nothing from None
    kind = _TYPES.get(path.suffix)
    if not inside or kind is None:
        raise nothing
    # Revalidated at each load: an upgrade of the package must not meet half of the old page.
    charset = "; charset=utf-8" if kind.startswith(_TEXT) else ""
    return Response(path.read_bytes(), headers={"content-type": kind + charset, "cache-control": "no-cache"})
