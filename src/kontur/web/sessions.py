"""Sessions: one image, the steps of its strokes, its results. Held in memory, bounded in number, bytes and life.

No session holds a decoded image: uploads stay as they came, labels and seeds are compressed; workers decode what they need.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any

from .channel import Upload
from .limits import Limits, Problem

MOST_STEPS = 200
MOST_RESULTS = 24


@dataclass(eq=False)
class Step:
    """Marks so far, and what came of them. boxes: all of them; seeds, labels: compressed (H, W) uint8; exact: or None."""

    boxes: list[list[int]]
    strokes: int
    points: int
    seeds: bytes
    labels: bytes
    exact: bytes | None = None

    def keep_exact(self, future: Future[Any]) -> None:
        """Of finished work on this step, the exact labels."""
        if future.exception() is None:
            self.exact = future.result()[2]

    @property
    def size(self) -> int:
        return len(self.seeds) + len(self.labels) + len(self.exact or b"")

    @property
    def counts(self) -> dict[str, int]:
        return {"strokes": self.strokes, "points": self.points}


@dataclass(eq=False)
class Session:
    """image: the upload. held: the most bytes. facts: width, height, bands, notes.

    first: the number of the step before steps[0]. pending: the work on its last exact answer.
    """

    id: str
    image: Upload
    held: int
    facts: dict[str, Any] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    first: int = 0
    results: OrderedDict[str, bytes] = field(default_factory=OrderedDict)
    made: int = 0
    used: float = field(default_factory=time.monotonic)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    pending: Any = None

    @property
    def step(self) -> int:
        """The number of the last step; 0 without prompts."""
        return self.first + len(self.steps)

    @property
    def shape(self) -> tuple[int, int]:
        return int(self.facts["height"]), int(self.facts["width"])

    @property
    def size(self) -> int:
        return len(self.image.data) + sum(s.size for s in self.steps) + sum(map(len, self.results.values()))

    def keep(self, step: Step) -> None:
        self.steps.append(step)
        self._make_room()

    def new_result(self) -> str:
        self.made += 1
        return f"r{self.made}"

    def keep_result(self, name: str, kept: bytes) -> None:
        self.results[name] = kept
        self._make_room()

    def _make_room(self) -> None:
        """Let go of the oldest results, which are the larger ones, then of the oldest steps; of the last ones at last."""
        while len(self.results) > MOST_RESULTS or (len(self.results) > 1 and self.size > self.held):
            self.results.popitem(last=False)
        while len(self.steps) > MOST_STEPS or (len(self.steps) > 1 and self.size > self.held):
            del self.steps[0]
            self.first += 1
        if self.size > self.held:
            self.results.clear()

    def last_exact(self) -> Step | None:
        """The latest step before the last one whose exact labels are known."""
        return next((s for s in reversed(self.steps[:-1]) if s.exact is not None), None)


class Sessions:
    """All of them, the least recently used first. gone: told of each that has ended."""

    def __init__(self, limits: Limits, gone: Callable[[Session], None] = lambda session: None) -> None:
        self._limits, self._gone = limits, gone
        self._open: OrderedDict[str, Session] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open)

    @property
    def size(self) -> int:
        return sum(s.size for s in self._open.values())

    def add(self, upload: Upload) -> Session:
        name = secrets.token_hex(16)
        session = Session(name, replace(upload, session=name), self._limits.held)
        self._open[session.id] = session
        self.tidy()
        return session

    def get(self, name: str) -> Session:
        self.tidy()
        session = self._open.get(name)
        if session is None or not session.facts:
            life = self._limits.session_life / 60
            raise Problem(
                404,
                f"No such session. Sessions end after {life:g} minutes without use, or when more than "
                f"{self._limits.sessions} are open: load the image again.",
            )
        session.used = time.monotonic()
        self._open.move_to_end(name)
        return session

    def drop(self, session: Session) -> None:
        if self._open.pop(session.id, None) is not None:
            self._gone(session)

    def tidy(self) -> None:
        """Let go of what is old, of too many, and of too much."""
        now = time.monotonic()
        for session in [s for s in self._open.values() if now - s.used > self._limits.session_life]:
            self.drop(session)
        while len(self._open) > self._limits.sessions or (len(self._open) > 1 and self.size > self._limits.held):
            self.drop(next(iter(self._open.values())))

    def expires_in(self, session: Session) -> float:
        return round(max(0.0, self._limits.session_life - (time.monotonic() - session.used)), 1)
