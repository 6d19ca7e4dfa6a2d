"""Processes that work and can be ended: by the time limit, the memory limit, or a cancelled request.

A thread serves each process; one thread watches all of them. A process that is ended loses its own work only, and another
takes its place. One process is kept for quick work (strokes), so that long work never stands before it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import channel
from .limits import Limits, Problem

_WATCH = 0.05
"""Seconds between two looks at the running processes."""
_GRACE = 1.0
"""Seconds that abandoned work has left: most is done by then, and a process is spared that takes longer to start anew."""
_FULL = "The server is busy: too much work is waiting. Try again in a few seconds."


@dataclass(eq=False)
class Task:
    """A piece of work. future: its value, or a Problem. progress: called with the phase, from another thread.

    abandoned: since when nobody waits for it. only: the one process that is to do it.
    """

    kind: str
    payload: dict[str, Any]
    seconds: float
    quick: bool
    progress: Callable[[str], None] | None
    future: Future[Any] = field(default_factory=Future)
    queued: float = field(default_factory=time.monotonic)
    cancelled: bool = False
    abandoned: float | None = None
    tries: int = 0
    only: int | None = None

    def home(self, count: int) -> int | None:
        """Which of the `count` processes knows its session already, if it has one; the first one is kept for quick work."""
        image = self.payload.get("image")
        if self.quick or image is None or image.session is None or count < 3:
            return None
        return 1 + int(image.session[:8], 16) % (count - 1)


@dataclass(eq=False)
class _Slot:
    """One process and what it is at. cause: why it is being ended. memory: its bytes when warm. worked: whether it has done any."""

    number: int
    quick: bool
    folder: Path
    process: subprocess.Popen[bytes] | None = None
    ready: bool = False
    task: Task | None = None
    began: float = 0.0
    memory: int = 0
    worked: bool = False
    cause: str = ""


class Pool:
    """`submit` work; `close` it at the end. counts: how many processes were ended, by cause."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._home = Path(tempfile.mkdtemp(prefix="kontur-web-"))
        self._slots = []
        for number in range(limits.workers + 1):
            folder = self._home / f"worker{number}"
            folder.mkdir(mode=0o700)
            self._slots.append(_Slot(number, number == 0, folder))
        self._waiting: deque[Task] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self.counts = {"time": 0, "memory": 0, "cancelled": 0, "died": 0}
        for slot in self._slots:
            threading.Thread(target=self._serve, args=(slot,), daemon=True, name=f"kontur-{slot.number}").start()
        threading.Thread(target=self._watch, daemon=True, name="kontur-watch").start()

    @property
    def ready(self) -> int:
        """How many processes are warm."""
        return sum(slot.ready for slot in self._slots)

    @property
    def size(self) -> int:
        return len(self._slots)

    @property
    def running(self) -> int:
        return sum(slot.task is not None for slot in self._slots)

    @property
    def waiting(self) -> int:
        return sum(task.only is None for task in self._waiting)

    @property
    def memory(self) -> int:
        """Bytes that all processes hold together."""
        return sum(_resident(slot.process) for slot in self._slots)

    def submit(
        self,
        kind: str,
        payload: dict[str, Any],
        *,
        seconds: float | None = None,
        quick: bool = False,
        progress: Callable[[str], None] | None = None,
        admitted: bool = False,
    ) -> Task:
        """Put work in the queue. Raises Problem 429 where it is full, unless the work was `admitted` before."""
        task = Task(kind, payload, seconds or self._limits.time_limit, quick, progress)
        with self._changed:
            if self._closed:
                raise Problem(503, "The server is shutting down.")
            if self.waiting >= self._limits.queue and not admitted:
                raise Problem(429, _FULL, retry_after=2)
            if quick:  # before what may take long, behind other quick work
                place = sum(1 for other in self._waiting if other.quick and other.only is None)
                self._waiting.insert(place, task)
            else:
                self._waiting.append(task)
            self._changed.notify_all()
        return task

    def tell_all(self, kind: str, payload: dict[str, Any]) -> None:
        """Short work for every process that is there, after what it has to do; nobody waits for it."""
        with self._changed:
            for slot in self._slots:
                if slot.ready and not self._closed:
                    self._waiting.append(Task(kind, payload, self._limits.time_limit, True, None, only=slot.number))
            self._changed.notify_all()

    def withdraw(self, task: Task) -> None:
        """Take work from the queue; what has begun goes on."""
        with self._changed:
            waited = task in self._waiting
            if waited:
                self._waiting.remove(task)
        if waited:  # settled without the lock: whoever waits for the future may have locks of his own
            _settle(task, Problem(409, "The work was cancelled."))

    def cancel(self, task: Task) -> None:
        """Take work from the queue, or end the process that is at it."""
        with self._changed:
            task.cancelled = True
        self.withdraw(task)
        for slot in self._slots:
            self._end(slot, task, "cancelled")

    def abandon(self, task: Task) -> None:
        """Nobody waits for it any more: take it from the queue, or end it soon."""
        task.abandoned = time.monotonic()
        self.withdraw(task)

    def close(self) -> None:
        with self._changed:
            self._closed = True
            left = list(self._waiting)
            self._waiting.clear()
            self._changed.notify_all()
        for task in left:
            _settle(task, Problem(503, "The server is shutting down."))
        for slot in self._slots:
            if slot.process is not None:
                slot.process.kill()
                slot.process.wait()
        shutil.rmtree(self._home, ignore_errors=True)

    # --- one thread a process -----------------------------------------------------------------------------------------

    def _serve(self, slot: _Slot) -> None:
        failures = 0
        while not self._closed:
            if not slot.ready:
                if failures:
                    time.sleep(min(failures, 10))
                failures = 0 if self._started(slot) else failures + 1
                continue
            task = self._next(slot)
            if task is not None:
                self._do(slot, task)

    def _started(self, slot: _Slot) -> bool:
        for left in slot.folder.glob("*"):
            left.unlink(missing_ok=True)
        package = str(Path(__file__).resolve().parents[2])
        paths = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH", "")]))
        environment = dict(os.environ, PYTHONPATH=paths)
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
            environment.setdefault(name, "1")
        environment.pop("KONTUR_TOKEN", None)
        environment.pop("KONTUR_LABEL_STUDIO_KEY", None)
        command = (sys.executable, "-P", "-m", "kontur.web.worker", str(slot.folder), str(self._limits.memory_limit))
        slot.cause = ""
        try:
            slot.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
            assert slot.process.stdout is not None
            if self._closed:  # while it started
                slot.process.kill()
            channel.receive(slot.process.stdout)
        except (OSError, EOFError):
            if slot.process is not None:
                slot.process.kill()
                slot.process.wait()
            return False
        slot.memory = _resident(slot.process)
        slot.worked, slot.ready = False, True
        return True

    def _next(self, slot: _Slot) -> Task | None:
        with self._changed:
            while not self._closed:
                for task in self._waiting:
                    if self._may_take(slot, task):
                        self._waiting.remove(task)
                        slot.task, slot.began, slot.cause = task, time.monotonic(), ""
                        return task
                self._changed.wait()
        return None

    def _may_take(self, slot: _Slot, task: Task) -> bool:
        """Whether it is work for this process, and no process that has its image decoded is free for it."""
        if task.only is not None or (slot.quick and not task.quick):
            return task.only == slot.number
        home = task.home(len(self._slots))
        return home is None or home == slot.number or not self._slots[home].ready or self._slots[home].task is not None

    def _do(self, slot: _Slot, task: Task) -> None:
        process = slot.process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        outcome: Any
        begun = False
        try:
            channel.send(process.stdin, (task.kind, task.payload))
            while True:
                answer = channel.receive(process.stdout)
                begun = True
                if answer[0] not in ("begun", "progress"):
                    break
                if answer[0] == "progress" and task.progress is not None:
                    task.progress(answer[1])
            outcome = answer[1] if answer[0] == "done" else Problem(answer[1], answer[2])
            if isinstance(outcome, Problem) and outcome.status == 507:
                self.counts["memory"] += 1
                self._buried(slot)
        except (OSError, EOFError):
            self._buried(slot)
            if not begun and not slot.cause and task.tries < 3 and self._again(slot, task):
                return  # it died while it had nothing to do: that must not cost anybody a request
            outcome = self._why(slot, task)
        if isinstance(outcome, Problem) and outcome.status == 507 and slot.worked and task.only is None:
            # What earlier work had left there counted too: once more, in the process that takes its place.
            task.only = slot.number
            if self._again(slot, task):
                return
        with self._changed:
            slot.task, slot.worked = None, True
            ended = bool(slot.cause)
        if ended and slot.ready:  # it was ended in the moment in which it had finished
            self._buried(slot)
        _settle(task, outcome)

    def _again(self, slot: _Slot, task: Task) -> bool:
        """Put work back before all other, unless nobody waits for it any more."""
        with self._changed:
            if self._closed or task.cancelled or task.abandoned is not None:
                return False
            slot.task = None
            task.tries += 1
            task.queued = time.monotonic()
            self._waiting.appendleft(task)
            self._changed.notify_all()
        return True

    def _buried(self, slot: _Slot) -> None:
        slot.ready = False
        if slot.process is not None:
            slot.process.kill()
            slot.process.wait()
            for pipe in (slot.process.stdin, slot.process.stdout):
                try:
                    if pipe is not None:
                        pipe.close()
                except OSError:
                    pass

    def _why(self, slot: _Slot, task: Task) -> Problem:
        cause = slot.cause or "died"
        self.counts[cause] += 1
        if cause == "time":
            sentence = f"The work took longer than {task.seconds:g} seconds and was ended. Use a smaller image or milder options."
            return Problem(504, sentence)
        if cause == "memory":
            most = self._limits.memory_limit / 1e6
            sentence = (
                f"The work needed more than {most:g} MB of memory and was ended. Use a smaller image or milder options."
            )
            return Problem(507, sentence)
        if cause == "cancelled":
            return Problem(409, "The work was cancelled.")
        if self._closed:
            return Problem(503, "The server is shutting down.")
        return Problem(503, "The process that did this work died. Only this request is lost; try it again.")

    # --- the watch ----------------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        while not self._closed:
            time.sleep(_WATCH)
            now = time.monotonic()
            for slot in self._slots:
                task = slot.task
                if task is None or slot.cause:
                    continue
                if task.cancelled or (task.abandoned is not None and now - task.abandoned > _GRACE):
                    self._end(slot, task, "cancelled")
                elif now - slot.began > task.seconds:
                    self._end(slot, task, "time")
                elif _resident(slot.process) > slot.memory + self._limits.memory_limit:
                    self._end(slot, task, "memory")
            self._forget_old(now)

    def _forget_old(self, now: float) -> None:
        """Work that nobody could begin for as long as two time limits of its own is given up; but not what one process must be told."""
        with self._changed:
            old = [t for t in self._waiting if (t.only is None or t.tries) and now - t.queued > 2 * t.seconds + 30]
            for task in old:
                self._waiting.remove(task)
        for task in old:
            _settle(task, Problem(429, _FULL, retry_after=10))

    def _end(self, slot: _Slot, task: Task, cause: str) -> None:
        with self._changed:
            if slot.task is task and not slot.cause:
                slot.cause = cause
                if slot.process is not None:
                    slot.process.kill()


def _settle(task: Task, outcome: Any) -> None:
    if task.future.cancelled() or task.future.done():
        return
    try:
        if isinstance(outcome, BaseException):
            task.future.set_exception(outcome)
        else:
            task.future.set_result(outcome)
    except Exception:  # cancelled in this moment
        pass


def _resident(process: subprocess.Popen[bytes] | None) -> int:
    """Bytes of memory that the process holds; 0 where the system does not say."""
    if process is None:
        return 0
    try:
        return int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError, AttributeError):
        return 0
