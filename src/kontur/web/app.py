"""The routes of `kontur serve`. docs/web.md says what each takes and gives; here they are checked, sent to the pool, and answered.

Answers come from the workers as finished JSON and are passed on as they are.
"""

from __future__ import annotations

import asyncio
import json
import mimetypes
import os
import re
import threading
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import FastAPI, File, Form, Query, Request, UploadFile
from fastapi import Path as InPath
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartParser

from .._version import __version__
from . import answers, forms, samples
from .channel import Upload
from .guard import Guard
from .jobs import Job, Jobs
from .limits import Limits, Problem
from .pool import Pool, Task
from .sessions import Session, Sessions, Step
from .telemetry import Telemetry

STATIC = Path(__file__).parent / "static"
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml",
          ".png": "image/png", ".ico": "image/x-icon", ".json": "application/json", ".woff2": "font/woff2",
          ".webmanifest": "application/manifest+json", ".txt": "text/plain"}  # fmt: skip
_TEXT = ("text/", "application/json", "application/manifest+json", "image/svg+xml")
_STUDIO_EVENTS = ("ANNOTATION_CREATED", "ANNOTATION_UPDATED", "ANNOTATION_DELETED", "START_TRAINING")
_EVENT_PAUSE, _EVENT_SILENCE = 0.1, 5.0
_Format = Literal["labels", "cutout", "overlay", "ultrametric", "coco", "geojson", "json", "svg"]
_ENDINGS = {"labels": ".labels.png", "cutout": ".cutout.png", "overlay": ".overlay.png", "coco": ".coco.json",
            "ultrametric": ".ultrametric.png", "geojson": ".geojson", "json": ".json", "svg": ".svg"}  # fmt: skip
_MEDIA = {"labels": "image/png", "cutout": "image/png", "overlay": "image/png", "ultrametric": "image/png",
          "coco": "application/json", "geojson": "application/geo+json", "json": "application/json",
          "svg": "image/svg+xml"}  # fmt: skip
_Id = Annotated[str, InPath(max_length=64, examples=["9f86d081884c7d659a2feaa0c55ad015"])]


class State:
    """What lives as long as the application. The pool starts with the server, or with the first work."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.telemetry = Telemetry()
        self.sessions = Sessions(limits)
        self._lock = threading.Lock()
        self._pool: Pool | None = None
        self._jobs: Jobs | None = None
        self._methods: Task | None = None

    @property
    def pool(self) -> Pool:
        with self._lock:
            if self._pool is None:
                self._pool = Pool(self.limits)
            return self._pool

    @property
    def jobs(self) -> Jobs:
        pool = self.pool
        with self._lock:
            if self._jobs is None:
                self._jobs = Jobs(self.limits, pool)
            return self._jobs

    def methods(self) -> Future[bytes]:
        """The answer of /api/methods, made once; asked for again where that failed."""
        pool = self.pool
        with self._lock:
            known = self._methods
            failed = known is not None and known.future.done() and known.future.exception() is not None
            if known is None or failed:
                self._methods = known = pool.submit("methods", {}, admitted=True, seconds=120)
            return known.future

    async def work(self, kind: str, payload: dict[str, Any], *, quick: bool = False) -> Any:
        """What a process makes of it; raises its Problem."""
        return await self.outcome(self.pool.submit(kind, payload, quick=quick))

    async def outcome(self, task: Task) -> Any:
        """The same of work that was submitted. Where the client goes, the guard cancels the route: then it is given up."""
        pool = self.pool
        try:
            return await asyncio.shield(asyncio.wrap_future(task.future))
        except asyncio.CancelledError:
            pool.abandon(task)
            raise

    def close(self) -> None:
        with self._lock:
            if self._pool is not None:
                self._pool.close()
            self._pool = self._jobs = self._methods = None


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
    _add_page(app, state)
    _add_segment(app, state)
    _add_sessions(app, state)
    _add_jobs(app, state)
    _add_label_studio(app, state, label_studio)
    return app


async def _tidying(state: State) -> None:
    """Images go when their time is over, also where nobody asks for anything."""
    while True:
        await asyncio.sleep(30)
        state.sessions.tidy()
        state.jobs.tidy()


def _json(content: bytes, status: int = 200) -> Response:
    return Response(content, status, media_type="application/json")


# --- errors -------------------------------------------------------------------------------------------------------------


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
            400: "The body is not the form that its headers say it is.",
            404: "There is nothing at this address.",
            405: "This address exists, but not for this kind of request.",
        }.get(error.status_code, "The request was refused.")
        return answer(error.status_code, text, error.headers)


# --- the page -----------------------------------------------------------------------------------------------------------


def _add_page(app: FastAPI, state: State) -> None:
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

    @app.get("/healthz", tags=["server"], responses=answers.example(answers.HEALTH))
    async def healthz() -> JSONResponse:
        pool = state.pool
        return JSONResponse({"status": "ok", "version": __version__, "workers": pool.size, "ready": pool.ready})

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
        text = state.telemetry.text(gauges, pool.counts)
        return PlainTextResponse(text, media_type="text/plain; version=0.0.4")

    @app.get("/api/limits", tags=["server"], responses=answers.example(answers.LIMITS))
    async def limits() -> JSONResponse:
        here = state.limits
        return JSONResponse(
            {
                "max_upload": here.max_upload,
                "max_pixels": here.max_pixels,
                "time_limit": here.time_limit,
                "memory_limit": here.memory_limit,
                "queue": here.queue,
                "sessions": here.sessions,
                "session_life": here.session_life,
                "retention": here.retention,
            }
        )

    @app.get("/api/methods", tags=["methods"], responses=answers.example(answers.METHODS))
    async def methods() -> Response:
        return _json(await asyncio.shield(asyncio.wrap_future(state.methods())))

    @app.get("/api/samples", tags=["methods"], responses=answers.example(answers.SAMPLES))
    async def sample_list() -> JSONResponse:
        return JSONResponse({"samples": samples.listed()})

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


# --- one call -----------------------------------------------------------------------------------------------------------


async def _upload(limits: Limits, file: UploadFile) -> Upload:
    """An upload with its name made harmless. Raises Problem 413, 415."""
    data = await file.read()
    if len(data) > limits.max_upload:
        most = limits.max_upload / 1e6
        raise Problem(413, f"The image is too large: at most {most:g} MB are taken. Use a smaller image.")
    if not data:
        raise Problem(415, "image: expected a JPEG, PNG, TIFF, WebP or BMP image, got an empty file")
    name = re.sub(r"[^\w.\- ]", "_", (file.filename or "image").replace("\\", "/").rsplit("/", 1)[-1])[:80]
    return Upload(data, name or "image", limits.max_pixels)


def _add_segment(app: FastAPI, state: State) -> None:
    @app.post("/api/segment", tags=["segment"], responses=answers.example(answers.RESULT))
    async def segment(
        image: Annotated[UploadFile, File(description="JPEG, PNG, TIFF, WebP or BMP")],
        method: Annotated[str | None, Form(max_length=200, examples=["slic"])] = None,
        options: Annotated[str | None, Form(examples=['{"segments": 200}'])] = None,
        prompts: Annotated[str | None, Form(examples=['{"boxes": [[40, 30, 300, 220]]}'])] = None,
        labels: Annotated[forms.Labels, Form()] = "grey",
    ) -> Response:
        """Cut one image into regions. Nothing of it is kept."""
        payload = _what(method, options, prompts, labels)
        payload["image"] = await _upload(state.limits, image)
        return _json((await state.work("segment", payload))[0])


def _what(method: str | None, options: str | None, prompts: str | None, labels: str) -> dict[str, Any]:
    return {
        "method": method or None,
        "options": forms.plain_options(forms.json_object(options, "options")),
        "prompts": forms.prompts_of(prompts),
        "labels": labels,
    }


# --- sessions -----------------------------------------------------------------------------------------------------------


def _add_sessions(app: FastAPI, state: State) -> None:
    limits, sessions = state.limits, state.sessions

    def described(session: Session) -> dict[str, Any]:
        left = sessions.expires_in(session)
        return {"session": session.id, **session.facts, "step": session.step, "expires_in": left}

    @app.post("/api/sessions", tags=["sessions"], status_code=201, responses=answers.example(answers.SESSION, 201))
    async def create(
        image: Annotated[UploadFile | None, File(description="JPEG, PNG, TIFF, WebP or BMP")] = None,
        sample: Annotated[str | None, Form(max_length=64, examples=["coffee"])] = None,
    ) -> JSONResponse:
        """Open a session with an image, or with a sample."""
        if image is not None:
            upload = await _upload(limits, image)
        else:
            path = samples.available().get(sample or "")
            if path is None:
                if sample:
                    raise Problem(404, "No such sample. GET /api/samples lists them.")
                raise Problem(422, "image: expected an image file or the name of a sample, got neither")
            upload = Upload(path.read_bytes(), path.name, limits.max_pixels)
        session = sessions.add(upload)
        try:
            session.facts = await state.work("open", {"image": session.image}, quick=True)
        except BaseException:
            sessions.drop(session)
            raise
        return JSONResponse(described(session), 201)

    @app.get("/api/sessions/{session_id}", tags=["sessions"], responses=answers.example(answers.SESSION))
    async def show(session_id: _Id) -> JSONResponse:
        return JSONResponse(described(sessions.get(session_id)))

    @app.delete("/api/sessions/{session_id}", tags=["sessions"], status_code=204, response_class=Response)
    async def delete(session_id: _Id) -> Response:
        """Delete the image, its strokes and its results."""
        sessions.drop(sessions.get(session_id))
        return Response(status_code=204)

    @app.get("/api/sessions/{session_id}/image.png", tags=["sessions"], response_class=Response,
             responses=answers.file("image/png", "The image as the methods see it"))  # fmt: skip
    async def image_png(session_id: _Id) -> Response:
        session = sessions.get(session_id)
        content = await state.work("shown", {"image": session.image}, quick=True)
        return Response(content, media_type="image/png")

    @app.post("/api/sessions/{session_id}/segment", tags=["sessions"], responses=answers.example(answers.KEPT_RESULT))
    async def segment(session_id: _Id, body: forms.SegmentBody) -> Response:
        """Cut the session's image by a method of the registry; the result is kept for exports."""
        session = sessions.get(session_id)
        name = session.new_result()
        options = forms.plain_options(body.options)
        payload = {"method": body.method, "options": options, "prompts": body.prompts.to_work(), "labels": body.labels}
        answer, kept = await state.work("segment", {"image": session.image, **payload, "result_id": name})
        session.keep_result(name, kept)
        return _json(answer)

    @app.post("/api/sessions/{session_id}/contours", tags=["sessions"], responses=answers.example(answers.TREE))
    async def contours(session_id: _Id, body: forms.ContoursBody) -> Response:
        """The whole hierarchy, so that the page can cut every level itself."""
        session = sessions.get(session_id)
        name = session.new_result()
        payload = {"method": body.method, "options": forms.plain_options(body.options), "result_id": name}
        answer, kept = await state.work("tree", {"image": session.image, **payload})
        session.keep_result(name, kept)
        return _json(answer)

    @app.post("/api/sessions/{session_id}/prompts", tags=["sessions"], responses=answers.example(answers.STEP))
    async def prompts(session_id: _Id, body: forms.SessionPrompts) -> Response:
        """Add boxes and strokes to those before; the fast answer of GrabCut."""
        session = sessions.get(session_id)
        async with session.lock:
            if session.pending is not None:  # of a step that is soon not the last one any more
                state.pool.withdraw(session.pending)
            last = session.steps[-1] if session.steps else None
            counts = {
                "strokes": (last.strokes if last else 0) + len(body.strokes or ()),
                "points": (last.points if last else 0) + len(body.points or ()),
            }
            given = body.to_work()
            payload: dict[str, Any] = {
                "image": session.image,
                "number": session.step + 1,
                "form": body.labels,
                "given": given,
                "seeds": last.seeds if last else None,
                "boxes": last.boxes if last else [],
                "before": (last.seeds, last.boxes, last.exact or last.labels) if last else None,
                "whole": False,
                "counts": counts,
            }
            answer, seeds, labels = await state.work("step", payload, quick=True)
            boxes = [list(b) for b in given["boxes"]] if given["boxes"] else payload["boxes"]
            session.keep(Step(boxes, counts["strokes"], counts["points"], seeds, labels))
        return _json(answer)

    @app.delete("/api/sessions/{session_id}/prompts", tags=["sessions"], status_code=204, response_class=Response)
    async def forget(session_id: _Id) -> Response:
        """Forget all boxes and strokes."""
        session = sessions.get(session_id)
        async with session.lock:
            session.steps.clear()
            session.first = 0
        return Response(status_code=204)

    @app.get("/api/sessions/{session_id}/steps/{step}", tags=["sessions"], responses=answers.example(answers.STEP))
    async def exact(
        session_id: _Id, step: Annotated[int, InPath(ge=0, le=10**9)], labels: forms.Labels = "grey"
    ) -> Response:
        """The exact answer of the last step."""
        session = sessions.get(session_id)
        if step != session.step:
            raise Problem(409, f"step: expected the last one, {session.step}, got {step}")
        if step == 0 or not session.steps:
            return JSONResponse(answers.empty_step(*session.shape))
        last = session.steps[-1]
        if last.exact is None:
            past = session.last_exact()
            payload = {
                "image": session.image,
                "number": step,
                "form": labels,
                "given": None,
                "seeds": last.seeds,
                "boxes": last.boxes,
                "before": (past.seeds, past.boxes, past.exact) if past else None,
                "whole": True,
                "counts": last.counts,
            }
            session.pending = state.pool.submit("step", payload)
            session.pending.future.add_done_callback(last.keep_exact)  # also where the client does not wait for it
            return _json((await state.outcome(session.pending))[0])
        return _json(await known(session, last, step, labels))

    async def known(session: Session, step: Step, number: int, labels: str) -> bytes:
        payload = {
            "labels": step.exact or step.labels,
            "shape": session.shape,
            "number": number,
            "whole": step.exact is not None,
            "form": labels,
            "boxes": step.boxes,
            "counts": step.counts,
        }
        found: bytes = await state.work("step_again", payload, quick=True)
        return found

    @app.post("/api/sessions/{session_id}/undo", tags=["sessions"], responses=answers.example(answers.STEP))
    async def undo(session_id: _Id, labels: forms.Labels = "grey") -> Response:
        """Take the last step back."""
        session = sessions.get(session_id)
        async with session.lock:
            if not session.steps or (len(session.steps) == 1 and session.first):
                raise Problem(409, "There is nothing to undo.")
            session.steps.pop()
            if not session.steps:
                return JSONResponse(answers.empty_step(*session.shape))
            return _json(await known(session, session.steps[-1], session.step, labels))

    @app.get("/api/sessions/{session_id}/results/{result}/{format}", tags=["sessions"], response_class=Response,
             responses=answers.EXPORTS)  # fmt: skip
    async def export(
        session_id: _Id,
        result: Annotated[str, InPath(max_length=32, examples=["r1"])],
        format: _Format,
        level: Annotated[float | None, Query(ge=0, le=1)] = None,
    ) -> Response:
        """A result as a file."""
        session = sessions.get(session_id)
        kept, labels = session.results.get(result), None
        if kept is None:
            number = int(result[4:]) if re.fullmatch(r"step\d{1,9}", result) else 0
            place = number - session.first - 1
            if number < 1 or not 0 <= place < len(session.steps):
                raise Problem(404, "No such result in this session.")
            labels = session.steps[place].exact or session.steps[place].labels
        return await _exported(state, session.image, format, kept=kept, labels=labels, level=level)


async def _exported(
    state: State,
    image: Upload,
    format: _Format,
    *,
    kept: bytes | None,
    labels: bytes | None = None,
    level: float | None = None,
) -> Response:
    """The answer of an export. kept: of a method; labels: of a step."""
    payload = {"image": image, "kept": kept, "labels": labels, "form": format, "level": level}
    content = await state.work("export", payload)
    headers = {"content-disposition": f'attachment; filename="kontur{_ENDINGS[format]}"'}
    return Response(content, media_type=_MEDIA[format], headers=headers)


# --- jobs ---------------------------------------------------------------------------------------------------------------


def _add_jobs(app: FastAPI, state: State) -> None:
    @app.post("/api/jobs", tags=["jobs"], status_code=202, responses=answers.example(answers.JOB, 202))
    async def create(
        image: Annotated[list[UploadFile], File(description="1 to 32 images")],
        method: Annotated[str | None, Form(max_length=200, examples=["contours"])] = None,
        options: Annotated[str | None, Form(examples=["{}"])] = None,
        prompts: Annotated[str | None, Form(examples=["{}"])] = None,
        labels: Annotated[forms.Labels, Form()] = "grey",
    ) -> JSONResponse:
        """Begin long work; follow it by its events."""
        most = state.limits.job_images
        if not 1 <= len(image) <= most:
            raise Problem(422, f"image: expected 1 to {most} images, got {len(image)}")
        payload = _what(method, options, prompts, labels)
        images = [await _upload(state.limits, file) for file in image]
        return JSONResponse(state.jobs.add(images, payload).to_dict(), 202)

    @app.get("/api/jobs/{job_id}", tags=["jobs"], responses=answers.example(answers.JOB))
    async def show(job_id: _Id) -> JSONResponse:
        return JSONResponse(state.jobs.get(job_id).to_dict())

    @app.delete("/api/jobs/{job_id}", tags=["jobs"], responses=answers.example(answers.JOB))
    async def cancel(job_id: _Id) -> JSONResponse:
        """Cancel it: the process that is at it is ended. One that has ended is deleted, with its images and results."""
        job = state.jobs.get(job_id)
        state.jobs.drop(job)
        return JSONResponse(job.to_dict())

    @app.get("/api/jobs/{job_id}/result", tags=["jobs"], responses=answers.example(answers.JOB_RESULT))
    async def result(job_id: _Id) -> Response:
        job = state.jobs.get(job_id)
        if job.state != "done":
            raise Problem(409, job.error or f"The job has no result: it is {job.state}.")
        return _json(b'{"results":[' + b",".join(job.results) + b"]}")

    @app.get("/api/jobs/{job_id}/results/{result}/{format}", tags=["jobs"], response_class=Response,
             responses=answers.EXPORTS)  # fmt: skip
    async def export(
        job_id: _Id, result: Annotated[str, InPath(max_length=32, examples=["r1"])], format: _Format
    ) -> Response:
        """The result of one image as a file, as of a session: r1 is the first image's."""
        image, kept = state.jobs.get(job_id).result(result)
        return await _exported(state, image, format, kept=kept)

    @app.get("/api/jobs/{job_id}/events", tags=["jobs"], response_class=StreamingResponse,
             responses=answers.file("text/event-stream", "Server-sent events"))  # fmt: skip
    async def events(job_id: _Id) -> StreamingResponse:
        return StreamingResponse(_events(state.jobs.get(job_id)), media_type="text/event-stream")


async def _events(job: Job) -> AsyncIterator[bytes]:
    """Progress at each change and at least every few seconds; at last the end."""
    seen, silence = -1, 0.0
    while True:
        version, over = job.version, job.over
        if version != seen or silence >= _EVENT_SILENCE or over:
            yield _event("end" if over else "progress", job)
            seen, silence = version, 0.0
        if over:
            return
        await asyncio.sleep(_EVENT_PAUSE)
        silence += _EVENT_PAUSE


def _event(name: str, job: Job) -> bytes:
    content = JSONResponse(job.to_dict()).body
    return b"event: " + name.encode() + b"\ndata: " + bytes(content) + b"\n\n"


# --- Label Studio -------------------------------------------------------------------------------------------------------


def _add_label_studio(app: FastAPI, state: State, address: str | None) -> None:
    from .fetching import image_of_task

    key = os.environ.get("KONTUR_LABEL_STUDIO_KEY", "")
    chosen = {"method": "grabcut"}

    @app.get("/health", tags=["label studio"], responses=answers.example(answers.STUDIO_HEALTH))
    async def health() -> JSONResponse:
        return JSONResponse({"status": "UP", "model_class": "Kontur"})

    @app.post("/setup", tags=["label studio"], responses=answers.example(answers.STUDIO_SETUP))
    async def setup(body: dict[str, Any]) -> JSONResponse:
        extra = body.get("extra_params")
        if isinstance(extra, str):
            extra = forms.json_object(extra, "extra_params")
        if isinstance(extra, dict) and isinstance(extra.get("method"), str):
            content: bytes = await asyncio.shield(asyncio.wrap_future(state.methods()))
            known = {method["name"] for method in json.loads(content)["methods"]}
            if extra["method"] not in known:
                raise Problem(404, f"no method named {extra['method'][:80]!r}. GET /api/methods lists them.")
            chosen["method"] = extra["method"]
        return JSONResponse({"model_version": f"kontur {chosen['method']}"})

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
        return JSONResponse(answers.STUDIO_WEBHOOK, 201)

    @app.post("/train", tags=["label studio"], status_code=201, responses=answers.example(answers.STUDIO_TRAIN, 201))
    async def train(body: dict[str, Any]) -> JSONResponse:
        """The same for a Label Studio that asks for training here."""
        return JSONResponse(answers.STUDIO_TRAIN, 201)


def limits_of(**given: Any) -> Limits:
    """Limits with those given that are not None."""
    return replace(Limits(), **{name: value for name, value in given.items() if value is not None})
