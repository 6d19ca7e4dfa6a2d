"""Sessions: one image, many questions: methods, hierarchies, exports. Boxes and strokes are in `steps`."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import FastAPI, File, Form, Query, UploadFile
from fastapi import Path as InPath
from fastapi.responses import Response

from .. import answers, forms, samples
from ..channel import Upload
from ..limits import Problem
from ..sessions import Session
from ..state import State
from .common import Format, Id, exported, json_answer, read_form_image


def add_sessions(app: FastAPI, state: State) -> None:
    limits, sessions = state.limits, state.sessions

    def described(session: Session) -> answers.SessionState:
        left = sessions.expires_in(session)
        return answers.SessionState(session=session.id, **session.facts, step=session.step, expires_in=left)

    @app.post("/api/sessions", tags=["sessions"], status_code=201, responses=answers.example(answers.SESSION, 201))
    async def create(
        image: Annotated[UploadFile | None, File(description="JPEG, PNG, TIFF, WebP or BMP")] = None,
        sample: Annotated[str | None, Form(max_length=64, examples=["coffee"])] = None,
    ) -> answers.SessionState:
        """Open a session with an image, or with a sample."""
        if image is not None:
            upload = await read_form_image(limits, image)
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
        return described(session)

    @app.get("/api/sessions/{session_id}", tags=["sessions"], responses=answers.example(answers.SESSION))
    async def show(session_id: Id) -> answers.SessionState:
        return described(sessions.get(session_id))

    @app.delete("/api/sessions/{session_id}", tags=["sessions"], status_code=204, response_class=Response)
    async def delete(session_id: Id) -> Response:
        """Delete the image, its strokes and its results."""
        sessions.drop(sessions.get(session_id))
        return Response(status_code=204)

    @app.get("/api/sessions/{session_id}/image.png", tags=["sessions"], response_class=Response,
             responses=answers.file("image/png", "The image as the methods see it"))  # fmt: skip
    async def image_png(session_id: Id) -> Response:
        session = sessions.get(session_id)
        content = await state.work("shown", {"image": session.image}, quick=True)
        return Response(content, media_type="image/png")

    @app.post("/api/sessions/{session_id}/segment", tags=["sessions"], responses=answers.example(answers.KEPT_RESULT))
    async def segment(session_id: Id, body: forms.SegmentBody) -> Response:
        """Cut the session's image by a method of the registry; the result is kept for exports."""
        session = sessions.get(session_id)
        name = session.new_result()
        options = forms.plain_options(body.options)
        payload = {"method": body.method, "options": options, "prompts": body.prompts.to_work(), "labels": body.labels}
        answer, kept = await state.work("segment", {"image": session.image, **payload, "result_id": name})
        session.keep_result(name, kept)
        return json_answer(answer)

    @app.post("/api/sessions/{session_id}/contours", tags=["sessions"], responses=answers.example(answers.TREE))
    async def contours(session_id: Id, body: forms.ContoursBody) -> Response:
        """The whole hierarchy, so that the page can cut every level itself."""
        session = sessions.get(session_id)
        name = session.new_result()
        payload = {"method": body.method, "options": forms.plain_options(body.options), "result_id": name}
        answer, kept = await state.work("tree", {"image": session.image, **payload})
        session.keep_result(name, kept)
        return json_answer(answer)


def add_exports(app: FastAPI, state: State) -> None:
    @app.get("/api/sessions/{session_id}/results/{result}/{format}", tags=["sessions"], response_class=Response,
             responses=answers.EXPORTS)  # fmt: skip
    async def export(
        session_id: Id,
        result: Annotated[str, InPath(max_length=32, examples=["r1"])],
        format: Format,
        level: Annotated[float | None, Query(ge=0, le=1)] = None,
    ) -> Response:
        """A result as a file."""
        session = state.sessions.get(session_id)
        kept, labels = session.results.get(result), None
        if kept is None:
            number = int(result[4:]) if re.fullmatch(r"step\d{1,9}", result) else 0
            place = number - session.first - 1
            if number < 1 or not 0 <= place < len(session.steps):
                raise Problem(404, "No such result in this session.")
            labels = session.steps[place].exact or session.steps[place].labels
        return await exported(state, session.image, format, kept=kept, labels=labels, level=level)
