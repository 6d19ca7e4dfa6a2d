"""Sessions: one image, many questions. Strokes with a fast and an exact answer, methods, hierarchies, exports."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import FastAPI, File, Form, Query, UploadFile
from fastapi import Path as InPath
from fastapi.responses import JSONResponse, Response

from .. import answers, forms, samples
from ..channel import Upload
from ..limits import Problem
from ..sessions import Session, Step
from ..state import State
from .common import Format, Id, exported, json_answer, read_form_image


def add_sessions(app: FastAPI, state: State) -> None:
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
        return JSONResponse(described(session), 201)

    @app.get("/api/sessions/{session_id}", tags=["sessions"], responses=answers.example(answers.SESSION))
    async def show(session_id: Id) -> JSONResponse:
        return JSONResponse(described(sessions.get(session_id)))

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

    @app.post("/api/sessions/{session_id}/prompts", tags=["sessions"], responses=answers.example(answers.STEP))
    async def prompts(session_id: Id, body: forms.SessionPrompts) -> Response:
        """Add strokes to those before, and put boxes in the place of those before; the fast answer of GrabCut."""
        session = sessions.get(session_id)
        async with session.lock:
            if session.pending is not None:  # of a step that is soon not the last one any more
                state.pool.withdraw(session.pending)
            last = session.steps[-1] if session.steps else None
            counts = {
                "strokes": (last.strokes if last else 0) + len(body.strokes or ()),
                "points": (last.points if last else 0) + len(body.points or ()),
            }
            payload: dict[str, Any] = {
                "image": session.image,
                "number": session.step + 1,
                "form": body.labels,
                "given": body.to_work(),
                "seeds": last.seeds if last else None,
                "boxes": last.boxes if last else [],
                "before": (last.seeds, last.boxes, last.exact or last.labels) if last else None,
                "whole": False,
                "counts": counts,
            }
            answer, seeds, labels, boxes = await state.work("step", payload, quick=True)
            session.keep(Step(boxes, counts["strokes"], counts["points"], seeds, labels))
        return json_answer(answer)

    @app.delete("/api/sessions/{session_id}/prompts", tags=["sessions"], status_code=204, response_class=Response)
    async def forget(session_id: Id) -> Response:
        """Forget all boxes and strokes."""
        session = sessions.get(session_id)
        async with session.lock:
            session.steps.clear()
            session.first = 0
        return Response(status_code=204)

    @app.get("/api/sessions/{session_id}/steps/{step}", tags=["sessions"], responses=answers.example(answers.STEP))
    async def exact(
        session_id: Id, step: Annotated[int, InPath(ge=0, le=10**9)], labels: forms.Labels = "grey"
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
            return json_answer((await state.outcome(session.pending))[0])
        return json_answer(await known(session, last, step, labels))

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
    async def undo(session_id: Id, labels: forms.Labels = "grey") -> Response:
        """Take the last step back."""
        session = sessions.get(session_id)
        async with session.lock:
            if not session.steps or (len(session.steps) == 1 and session.first):
                raise Problem(409, "There is nothing to undo.")
            session.steps.pop()
            if not session.steps:
                return JSONResponse(answers.empty_step(*session.shape))
            return json_answer(await known(session, session.steps[-1], session.step, labels))

    @app.get("/api/sessions/{session_id}/results/{result}/{format}", tags=["sessions"], response_class=Response,
             responses=answers.EXPORTS)  # fmt: skip
    async def export(
        session_id: Id,
        result: Annotated[str, InPath(max_length=32, examples=["r1"])],
        format: Format,
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
        return await exported(state, session.image, format, kept=kept, labels=labels, level=level)
