"""Jobs: one method over one or more images, with progress and cancelling; their results can be exported as those of sessions.

Bounded in number, bytes and life, as sessions are: images and results are kept until a while after their last use.
"""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from .channel import Upload
from .limits import Limits, Problem
from .pool import Pool, Task

_PHASES = {"waiting": 0.0, "reading": 0.05, "working": 0.2, "packing": 0.9}
_PATIENCE = 10
"""Time limits that an image of a job has."""
_FRESH = 60.0
"""Seconds in which a job that has ended stays, so that its result can be fetched."""


@dataclass(eq=False)
class Job:
    """images: all, less those that an end has left undone. results: finished JSON of each, in their order. kept: "r1", "r2", ..
    -> what exports need. version: counts up at each change. read: whether a result was asked for since it ended."""

    id: str
    payload: dict[str, Any]
    images: list[Upload]
    of: int
    state: str = "queued"
    phase: str = "waiting"
    error: str | None = None
    results: list[bytes] = field(default_factory=list)
    kept: list[bytes] = field(default_factory=list)
    version: int = 0
    began: float = field(default_factory=time.monotonic)
    used: float = field(default_factory=time.monotonic)
    ended: float | None = None
    read: bool = False
    task: Task | None = None

    def to_dict(self) -> dict[str, Any]:
        fraction = 1.0 if self.state == "done" else (len(self.results) + _PHASES.get(self.phase, 0.0)) / self.of
        return {
            "job": self.id,
            "state": self.state,
            "done": len(self.results),
            "of": self.of,
            "fraction": round(min(fraction, 1.0), 3),
            "phase": self.phase,
            "seconds": round((self.ended or time.monotonic()) - self.began, 2),
            "error": self.error,
        }

    @property
    def over(self) -> bool:
        return self.state in ("done", "failed", "cancelled")

    @property
    def size(self) -> int:
        return sum(map(len, self.results + self.kept)) + sum(len(image.data) for image in self.images)

    def result(self, name: str) -> tuple[Upload, bytes]:
        """(the image, what exports need) of "r1", "r2", .. Raises Problem 404, or 409 where it is still to come."""
        number = int(name[1:]) if re.fullmatch(r"r\d{1,9}", name) else 0
        if 1 <= number <= len(self.kept):
            self.read = self.over
            return self.images[number - 1], self.kept[number - 1]
        if 1 <= number <= self.of:
            raise Problem(409, self.error or f"The job has no such result: it is {self.state}.")
        raise Problem(404, "No such result in this job.")


class Jobs:
    """Images of a job are done one after the other, so that one job cannot take all processes."""

    def __init__(self, limits: Limits, pool: Pool) -> None:
        self._limits, self._pool = limits, pool
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return len(self._jobs)

    def add(self, images: list[Upload], payload: dict[str, Any]) -> Job:
        """Begin one. Raises Problem 429 where there are too many, or the queue is full."""
        with self._lock:
            coming = sum(len(image.data) for image in images)
            self.tidy(1, coming)
            if len(self._jobs) >= self._limits.jobs or (self._jobs and self._size + coming > self._limits.held):
                raise Problem(429, "Too many jobs are open. Try again when some have ended.", 10)
            job = Job(secrets.token_hex(16), payload, images, len(images))
            self._jobs[job.id] = job
            try:
                self._next(job, admitted=False)
            except Problem:
                del self._jobs[job.id]
                raise
            return job

    def get(self, name: str) -> Job:
        with self._lock:
            self.tidy()
            if name not in self._jobs:
                raise Problem(404, "No such job. Jobs are kept for a while after their last use only.")
            self._jobs.move_to_end(name)
            self._jobs[name].used = time.monotonic()
            return self._jobs[name]

    def drop(self, job: Job) -> None:
        """Cancel it; one that has ended is forgotten, with its images and results."""
        with self._lock:
            if job.over:
                self._jobs.pop(job.id, None)
                return
            self._end(job, "cancelled")
            task = job.task
        if task is not None:
            self._pool.cancel(task)

    def _next(self, job: Job, admitted: bool) -> None:
        seconds = _PATIENCE * self._limits.time_limit
        number = len(job.results)
        payload = {**job.payload, "image": job.images[number], "result_id": f"r{number + 1}"}
        job.task = self._pool.submit(
            "segment", payload, seconds=seconds, admitted=admitted, progress=lambda phase: self._tell(job, phase)
        )
        job.task.future.add_done_callback(lambda future: self._done(job, future))

    def _tell(self, job: Job, phase: str) -> None:
        with self._lock:
            if not job.over:
                job.state, job.phase = "running", phase
                job.version += 1

    def _done(self, job: Job, future: Any) -> None:
        with self._lock:
            if job.over:
                return
            error = future.exception()
            if error is not None:
                self._end(job, "failed", error.sentence if isinstance(error, Problem) else "The work failed.")
                return
            answer, kept = future.result()
            job.results.append(answer)
            job.kept.append(kept)
            job.version += 1
            self.tidy()
            if self._size > self._limits.held:
                job.results.pop(), job.kept.pop()
                most = self._limits.held / 1e6
                self._end(
                    job, "failed", f"Jobs may hold {most:g} MB together. Delete others, or send fewer images at once."
                )
                return
            if len(job.results) == job.of:
                self._end(job, "done")
                return
            job.phase = "waiting"
            try:
                self._next(job, admitted=True)
            except Problem as problem:
                self._end(job, "failed", problem.sentence)

    def _end(self, job: Job, state: str, error: str | None = None) -> None:
        job.state, job.error, job.ended = state, error, time.monotonic()
        job.used = job.ended
        if state == "cancelled":
            job.results, job.kept = [], []
        del job.images[len(job.kept) :]
        job.version += 1

    @property
    def _size(self) -> int:
        return sum(job.size for job in self._jobs.values())

    def tidy(self, more: int = 0, coming: int = 0) -> None:
        """Let go of what is old; and of what has ended, the least recently used first, until `more` jobs of `coming` bytes fit.

        But what has ended just now, and nobody has read, stays: its client is about to ask for it.
        """
        with self._lock:
            now = time.monotonic()
            ended = [job for job in self._jobs.values() if job.over]
            for job in ended:
                count = len(self._jobs) + more
                full = count > self._limits.jobs or (count > 1 and self._size + coming > self._limits.held)
                fresh = job.state != "cancelled" and not job.read and job.ended is not None and now - job.ended < _FRESH
                if (full and not fresh) or now - job.used > self._limits.session_life:
                    del self._jobs[job.id]
