"""What the server allows, and the error that says so."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

MOST_LABELS, MOST_BOXES, MOST_STROKES, MOST_POINTS, WIDEST = 65, 64, 500, 5000, 512
"""Of the marks of a request: labels with the background, boxes, strokes, points of one, its width in pixels."""


@dataclass(frozen=True)
class Limits:
    """Sizes in bytes, times in seconds.

    max_upload: one image. max_pixels: of one image, checked on its header. time_limit, memory_limit: of one piece of work
    (memory beyond what the process holds when it is warm). queue: pieces of work that may wait. in_flight: of all request
    bodies together. stall: silence in the middle of an upload. upload_time: for the whole of one. held: of all that
    sessions, or jobs, keep. workers: processes, beside the one that is kept free for strokes.
    """

    max_upload: int = 20_000_000
    max_pixels: int = 25_000_000
    time_limit: float = 60.0
    memory_limit: int = 2_048_000_000
    queue: int = 64
    sessions: int = 32
    session_life: float = 1800.0
    in_flight: int = 256_000_000
    stall: float = 15.0
    upload_time: float = 120.0
    held: int = 512_000_000
    jobs: int = 64
    job_images: int = 32
    workers: int = field(default_factory=lambda: max(1, min(os.cpu_count() or 1, 4)))

    @property
    def retention(self) -> str:
        """What is kept of an upload, for people."""
        return (
            f"Images are held in the memory of this server only, until their session is deleted or has not been used for "
            f"{self.session_life / 60:g} minutes; nothing of them is logged or sent anywhere."
        )


class Problem(Exception):
    """An answer with a status code of 400 or more, and one sentence that a person understands."""

    def __init__(self, status: int, sentence: str, retry_after: int | None = None) -> None:
        super().__init__(sentence)
        self.status, self.sentence, self.retry_after = status, " ".join(sentence.split()), retry_after
