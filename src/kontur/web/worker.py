"""A worker process: `python -m kontur.web.worker FOLDER MEMORY`. It does one piece of work at a time until it is ended.

Requests are (kind, payload); answers ("begun",), ("progress", phase), then ("done", value) or ("problem", status, sentence). Its folder
holds an upload while it is being decoded, and an export while it is being written.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import traceback
import warnings
from pathlib import Path
from typing import IO, Any

from ..core.errors import KonturError, TooLarge
from . import channel
from .limits import Problem


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is the server's business; it ends its workers
    incoming, outgoing = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)  # whatever prints must not print into the channel
    folder, memory = Path(sys.argv[1]), int(sys.argv[2])
    warnings.simplefilter("ignore")
    from . import work

    more = os.environ.get("KONTUR_MORE_WORK")  # a file with another table of work; the tests have one
    if more:
        work.WORK.update(runpy.run_path(more)["WORK"])
    work.warm_up(folder)
    _bound_memory(memory)
    channel.send(outgoing, ("ready",))
    while True:
        try:
            kind, payload = channel.receive(incoming)
        except EOFError:
            return
        channel.send(outgoing, ("begun",))  # from here on the work is this process's to lose
        answer = _answer(work, kind, payload, folder, outgoing)
        channel.send(outgoing, answer)
        if answer[0] == "problem" and answer[1] == 507:
            return  # memory that was taken to pieces is not given back: begin anew


def _answer(work: Any, kind: str, payload: dict[str, Any], folder: Path, outgoing: IO[bytes]) -> tuple[Any, ...]:
    try:
        value = work.WORK[kind](
            folder=folder, tell=lambda phase: channel.send(outgoing, ("progress", phase)), **payload
        )
        return "done", value
    except Problem as problem:
        return "problem", problem.status, problem.sentence
    except TooLarge as error:
        return "problem", 413, _without(str(error).split(". Cut it")[0], folder)
    except KonturError as error:
        return "problem", 422, _without(str(error), folder)
    except MemoryError:
        return (
            "problem",
            507,
            "The work needed more memory than this server allows. Use a smaller image or milder options.",
        )
    except Exception:
        traceback.print_exc()  # for whoever runs the server; the answer says nothing of it
        return "problem", 503, "The work failed in a way it should not. Only this request is lost; try another method."
    finally:
        for left in folder.glob("*"):
            left.unlink(missing_ok=True)


def _without(text: str, folder: Path) -> str:
    """The sentence without the folder of this process."""
    return text.replace(str(folder) + os.sep, "").replace(str(folder), "")


def _bound_memory(memory: int) -> None:
    """No single allocation may go beyond `memory` bytes more than the warm process has; the pool looks after the sum."""
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + memory
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, OSError, ValueError):
        pass  # no such limit on this system: the pool still ends processes that grow


if __name__ == "__main__":
    main()
