"""The application of `kontur serve`: state, guard, routes, and the one form of errors.

docs/web.md says what each route takes and gives; there they are checked, sent to the pool, and answered. Answers come from the
workers as finished JSON and are passed on as they are.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartParser

from .._version import __version__
from . import answers, forms
from .guard import Guard
from .limits import Limits, Problem
from .routes.jobs import add_jobs
from .routes.label_studio import add_label_studio
from .routes.page import add_page
from .routes.segment import add_segment
from .routes.sessions import add_exports, add_sessions
from .routes.steps import add_steps
from .state import State


def create_app(
    limits: Limits | None = None,
    *,
    token: str | None = None,
    hosts: Sequence[str] | None = None,
    label_studio: str | None = None,
) -> FastAPI:
    """The page and the API as an ASGI application.

    token: needed by every request but /healthz. hosts: the names under which it may be asked (None: any). label_studio: the
    address of the one Label Studio whose images may be fetched; its key is in the environment, KONTUR_LABEL_STUDIO_KEY.
    """
    limits = limits or Limits()
    state = State(limits)
    # Uploads stay in memory: their sum is bounded by the guard, and nothing is left in a temporary folder.
    MultiPartParser.spool_max_size = max(MultiPartParser.spool_max_size, limits.max_upload + 1)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        state.methods()  # starts the pool, and has the list ready when the page asks for it
        tidy = asyncio.create_task(_tidying(state))
        yield
        tidy.cancel()
        state.close()

    app = FastAPI(
        title="Kontur",
        version=__version__,
        summary="Every way of cutting an image into regions.",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        form_limits={"max_part_size": limits.max_upload},  # marks as a picture may be as large as the image
        responses={code: {"model": forms.Error, "description": text} for code, text in answers.ERRORS.items()},
    )
    app.state.kontur = state
    app.add_middleware(
        Guard,
        limits=limits,
        telemetry=state.telemetry,
        token=token or None,
        hosts=None if hosts is None else tuple(hosts),
    )
    _handle_errors(app)
    add_page(app, state)
    add_segment(app, state)
    add_sessions(app, state)
    add_steps(app, state)
    add_exports(app, state)
    add_jobs(app, state)
    add_label_studio(app, state, label_studio)
    _complete_examples(app)
    return app


def _complete_examples(app: FastAPI) -> None:
    """FastAPI leaves out what is null in an example; the schemas ask for it."""
    document = app.openapi()
    for route in app.routes:
        if isinstance(route, APIRoute) and route.include_in_schema:
            for method in route.methods or ():
                told = document["paths"][route.path_format][method.lower()]["responses"]
                for status, response in route.responses.items():
                    for kind, content in response.get("content", {}).items():
                        if "example" in content:
                            told[str(status)]["content"][kind]["example"] = content["example"]


async def _tidying(state: State) -> None:
    """Images go when their time is over, also where nobody asks for anything."""
    while True:
        await asyncio.sleep(30)
        state.sessions.tidy()
        state.jobs.tidy()


def _handle_errors(app: FastAPI) -> None:
    def answer(status: int, text: str, headers: Any = None) -> JSONResponse:
        return JSONResponse({"error": text}, status, headers)

    @app.exception_handler(Problem)
    async def refused(request: Request, problem: Problem) -> JSONResponse:
        headers = {"retry-after": str(problem.retry_after)} if problem.retry_after else None
        return answer(problem.status, problem.sentence[:500], headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        errors = error.errors()
        broken = any(e.get("type") == "json_invalid" for e in errors)
        return answer(400 if broken else 422, "The body is no JSON." if broken else forms.sentence(errors))

    @app.exception_handler(HTTPException)
    async def plain(request: Request, error: HTTPException) -> JSONResponse:
        text = {
            400: "The body is not the form that its headers say it is, or one of its fields is too long.",
            404: "There is nothing at this address.",
            405: "This address exists, but not for this kind of request.",
        }.get(error.status_code, "The request was refused.")
        return answer(error.status_code, text, error.headers)


def limits_of(**given: Any) -> Limits:
    """Limits with those given that are not None."""
    return replace(Limits(), **{name: value for name, value in given.items() if value is not None})
