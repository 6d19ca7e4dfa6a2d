"""Jobs: long work with progress as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import FastAPI, File, Form, UploadFile
from fastapi import Path as InPath
from fastapi.responses import JSONResponse, Response, StreamingResponse

from .. import answers, forms
from ..jobs import Job
from ..limits import Problem
from ..state import State
from .common import Format, Id, exported, json_answer, read_form_image, what_to_do

_EVENT_PAUSE, _EVENT_SILENCE = 0.1, 5.0


def add_jobs(app: FastAPI, state: State) -> None:
    @app.post("/api/jobs", tags=["jobs"], status_code=202, responses=answers.example(answers.JOB, 202))
    async def create(
        image: Annotated[list[UploadFile], File(description="1 to 32 images")],
        method: Annotated[str | None, Form(max_length=200, examples=["contours"])] = None,
        options: Annotated[str | None, Form(examples=["{}"])] = None,
        prompts: Annotated[str | None, Form(examples=["{}"])] = None,
        labels: Annotated[forms.Labels, Form()] = "grey",
    ) -> answers.Job:
        """Begin long work; follow it by its events."""
        most = state.limits.job_images
        if not 1 <= len(image) <= most:
            raise Problem(422, f"image: expected 1 to {most} images, got {len(image)}")
        payload = what_to_do(method, options, prompts, labels)
        await state.work("check", payload, quick=True)  # now, and not when its turn comes
        images = [await read_form_image(state.limits, file) for file in image]
        return answers.Job(**state.jobs.add(images, payload).to_dict())

    @app.get("/api/jobs/{job_id}", tags=["jobs"], responses=answers.example(answers.JOB))
    async def show(job_id: Id) -> answers.Job:
        return answers.Job(**state.jobs.get(job_id).to_dict())

    @app.delete("/api/jobs/{job_id}", tags=["jobs"], responses=answers.example(answers.JOB))
    async def cancel(job_id: Id) -> answers.Job:
        """Cancel it: the process that is at it is ended. One that has ended is deleted, with its images and results."""
        job = state.jobs.get(job_id)
        state.jobs.drop(job)
        return answers.Job(**job.to_dict())

    @app.get("/api/jobs/{job_id}/result", tags=["jobs"], responses=answers.example(answers.JOB_RESULT))
    async def result(job_id: Id) -> Response:
        job = state.jobs.get(job_id)
        job.read = job.over
        if job.state != "done":
            raise Problem(409, job.error or f"The job has no result: it is {job.state}.")
        return json_answer(b'{"results":[' + b",".join(job.results) + b"]}")

    @app.get("/api/jobs/{job_id}/results/{result}/{format}", tags=["jobs"], response_class=Response,
             responses=answers.EXPORTS)  # fmt: skip
    async def export(
        job_id: Id, result: Annotated[str, InPath(max_length=32, examples=["r1"])], format: Format
    ) -> Response:
        """The result of one image as a file, as of a session: r1 is the first image's."""
        image, kept = state.jobs.get(job_id).result(result)
        return await exported(state, image, format, kept=kept)

    @app.get("/api/jobs/{job_id}/events", tags=["jobs"], response_class=StreamingResponse,
             responses=answers.file("text/event-stream", "Server-sent events"))  # fmt: skip
    async def events(job_id: Id) -> StreamingResponse:
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
