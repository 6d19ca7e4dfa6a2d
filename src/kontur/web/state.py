"""What lives as long as the application: sessions, jobs, and the pool."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from typing import Any

from .jobs import Jobs
from .limits import Limits
from .pool import Pool, Task
from .sessions import Session, Sessions
from .telemetry import Telemetry


class State:
    """What lives as long as the application. The pool starts with the server, or with the first work."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.telemetry = Telemetry()
        self.sessions = Sessions(limits, self._forget)
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

    def _forget(self, session: Session) -> None:
        """Processes let go of the image of a session that has ended."""
        with self._lock:
            pool = self._pool
        if pool is not None:
            if session.pending is not None:
                pool.withdraw(session.pending)
            pool.tell_all("forget", {"session": session.id})

    def close(self) -> None:
        with self._lock:
            if self._pool is not None:
                self._pool.close()
            self._pool = self._jobs = self._methods = None
