"""Steps of a session: boxes and strokes with a fast and an exact answer, and the way back."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import FastAPI
from fastapi import Path as InPath
from fastapi.responses import Response

from .. import answers, forms
from ..limits import Problem
from ..sessions import Session, Step
from ..state import State
from .common import Id, json_answer


def add_steps(app: FastAPI, state: State) -> None:
    sessions = state.sessions

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
            return json_answer(answers.empty_step(*session.shape).model_dump_json().encode())
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
        return json_answer(await _known(state, session, last, step, labels))

    @app.post("/api/sessions/{session_id}/undo", tags=["sessions"], responses=answers.example(answers.STEP))
    async def undo(session_id: Id, labels: forms.Labels = "grey") -> Response:
        """Take the last step back."""
        session = sessions.get(session_id)
        async with session.lock:
            if not session.steps or (len(session.steps) == 1 and session.first):
                raise Problem(409, "There is nothing to undo.")
            session.steps.pop()
            if not session.steps:
                return json_answer(answers.empty_step(*session.shape).model_dump_json().encode())
            return json_answer(await _known(state, session, session.steps[-1], session.step, labels))


async def _known(state: State, session: Session, step: Step, number: int, labels: str) -> bytes:
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
