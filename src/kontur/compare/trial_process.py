"""The asking end of `trial`: start the process with its threads set, ask image by image, survive whatever it does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .contenders import Contender

COMMAND = (sys.executable, "-P", "-m", "kontur.compare.trial")

THREAD_VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS", "LOKY_MAX_CPU_COUNT",
)  # fmt: skip
"""Read by BLAS, OpenMP and joblib when they start; ONNX Runtime is told by its session."""


class TrialFailed(Exception):
    """The contender could not be measured; the text is the reason, for its row."""


@dataclass(frozen=True, eq=False)
class Cut:
    """What a contender made of one image. ids: (H, W) int32, 0 = no region; seconds: of each call.

    categories: names of the segments that have one, by id; None where the result has no taxonomy. names: all names of it.
    background: the id of the background, or None.
    """

    ids: NDArray[np.int32]
    seconds: tuple[float, ...]
    cpu_seconds: float
    categories: Mapping[int, str] | None = None
    names: tuple[str, ...] = ()
    background: int | None = None


@dataclass(frozen=True)
class Settings:
    """The same for all contenders. size: (H, W) or None for each image's own. timeout: seconds for the calls of an image."""

    threads: int = 1
    size: tuple[int, int] | None = None
    warm_up: int = 1
    repeat: int = 1
    timeout: float = 600.0


class Trial:
    """A contender's process, as a context; leaving it ends the process.

    prime: fill the caches of compiled kernels with a small image instead of measuring, so that the process that is
    measured finds them filled.
    """

    def __init__(self, contender: Contender, settings: Settings, *, prime: bool = False) -> None:
        self._settings = settings
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 closed with the process
        package = str(Path(__file__).resolve().parents[2])
        paths = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH", "")]))
        environment = dict(os.environ, PYTHONPATH=paths, **dict.fromkeys(THREAD_VARIABLES, str(settings.threads)))
        self._process = subprocess.Popen(
            COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, env=environment
        )
        shared = {k: v for k, v in asdict(settings).items() if k != "timeout"}
        self._job = {"contender": asdict(contender), "prime": prime, **shared}

    def __enter__(self) -> Trial:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            try:
                if stream is not None:
                    stream.close()
            except OSError:  # a broken pipe is what is expected of a process that died
                pass

    def start(self) -> None:
        """Load the method. Raises TrialFailed."""
        self._ask(self._job)

    def prime(self, image: Path) -> None:
        """Compile what the method compiles. Raises TrialFailed."""
        self._ask({"image": str(image.resolve())})

    def cut(self, image: Path) -> Cut:
        """Cut one image, after the warm-up when it is the first. Raises TrialFailed."""
        head = self._ask({"image": str(image.resolve())})
        height, width = head["shape"]
        assert self._process.stdout is not None
        raw = self._process.stdout.read(height * width * 4)
        if len(raw) < height * width * 4:
            raise TrialFailed(self._death())
        return Cut(
            np.frombuffer(raw, np.int32).reshape(height, width),
            tuple(head["seconds"]),
            head["cpu_seconds"],
            None if head["categories"] is None else {int(k): v for k, v in head["categories"].items()},
            tuple(head["names"]),
            head["background"],
        )

    def finish(self) -> dict[str, Any]:
        """peak_mb; parameters and gmac of the first image that was cut. Raises TrialFailed."""
        return self._ask({"finish": True})

    def _ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        late = threading.Event()

        def stop() -> None:
            late.set()
            self._process.kill()

        watch = threading.Timer(self._settings.timeout, stop)
        watch.daemon = True
        watch.start()
        try:
            self._process.stdin.write(json.dumps(question).encode() + b"\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except OSError:
            line = b""
        finally:
            watch.cancel()
        if late.is_set():
            raise TrialFailed(f"no answer within {self._settings.timeout:g} s (--timeout); stopped")
        if not line.endswith(b"\n"):
            raise TrialFailed(self._death())
        head: dict[str, Any] = json.loads(line)
        if "error" in head:
            raise TrialFailed(head["error"])
        return head

    def _death(self) -> str:
        code = self._process.wait()
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        if code == -9:
            how += " (out of memory?)"
        fatal = next((line for line in lines if line.startswith("Fatal")), lines[-1] if lines else "")
        return f"its process {how}" + (f": {' '.join(fatal.split())}" if fatal else "")
