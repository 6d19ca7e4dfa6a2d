"""One contender in a process of its own: it is told a file, cuts the image, answers with the regions and the seconds.

    stdin   {"contender": .., "threads": .., "size": .., "warm_up": .., "repeat": ..}   then {"image": path} ..
    stdout  {"ready": true}      {"shape": .., "seconds": .., ..} and the ids as raw int32 ..   {"peak_mb": .., ..}

The scores are made by the asking process, while this one waits: so the memory and the time measured here are those of
the method. Started as `python -m kontur.compare.trial`; `trial_process` is the other end.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from pathlib import Path
from typing import IO, Any

import numpy as np

from ..core.errors import KonturError
from ..core.image import Image
from ..core.instances import Instances
from ..core.segmentation import Segmentation
from ..io.photos import read_image
from .contenders import Contender, Run, load, network_file
from .fitting import fit_image

PRIMED = 96  # pixels of the side of the image that only fills the caches of compiled kernels


def main() -> None:
    """Serve one contender until the end of stdin. Every failure is an answer {"error": ..}, never a traceback."""
    channel = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a method prints must not fall between the answers
    questions = sys.stdin
    job = json.loads(questions.readline())
    try:
        one = Contender(**job["contender"])
        run = load(one, job["threads"])
    except BaseException as error:
        return _answer(channel, {"error": told(error)})
    _answer(channel, {"ready": True})
    size = tuple(job["size"]) if job["size"] else None
    warm_up, first = job["warm_up"], None
    for line in questions:
        asked = json.loads(line)
        if "image" not in asked:
            _answer(channel, {"peak_mb": peak_memory()} | cost(one, first))
            continue
        try:
            image = fit_image(read_image(asked["image"]), size)
            if job["prime"]:
                run(Image(image.pixels[:PRIMED, :PRIMED].copy(), bands=image.bands))
                _answer(channel, {"primed": True})
                continue
            for _ in range(warm_up):
                run(image)
            warm_up, first = 0, first or image.shape
            result, seconds, busy = timed(run, image, job["repeat"])
            flat = result.flatten() if isinstance(result, Instances) else result
        except BaseException as error:
            return _answer(channel, {"error": told(error)})
        _answer(channel, _described(flat) | {"seconds": seconds, "cpu_seconds": busy}, flat.ids)
    return None


def timed(run: Run, image: Image, repeat: int) -> tuple[Segmentation | Instances, list[float], float]:
    """The last result, the seconds of each of `repeat` calls, and the processor's seconds of them all."""
    seconds, before = [], time.process_time()
    for _ in range(repeat):
        started = time.perf_counter()
        result = run(image)
        seconds.append(time.perf_counter() - started)
    return result, seconds, time.process_time() - before


def cost(one: Contender, shape: tuple[int, int] | None) -> dict[str, Any]:
    """parameters and gmac of a network at images of `shape` (H, W); a classical method has learnt nothing.

    Those of a model of the hub are not counted.
    """
    path = network_file(one)
    if path is None:
        return {"parameters": 0 if one.kind == "classical" else None, "gmac": None}
    from .onnx_cost import multiply_adds, parameters

    views = sum(float(scale) ** 2 for scale in str(one.options.get("scales", "1")).split(","))
    views *= 2 if one.options.get("flips") else 1
    found: dict[str, Any] = {"parameters": None, "gmac": None}
    # Counting must not lose what was measured: a file of an unusual form has no count.
    with contextlib.suppress(Exception):
        found["parameters"] = parameters(path)
        if shape is not None:
            found["gmac"] = float(f"{multiply_adds(path, shape) * views / 1e9:.4g}")
    return found


def peak_memory() -> float | None:
    """The most memory this process has held at once so far, in MB (10^6 bytes); None where the system does not say."""
    try:
        # Not getrusage: after a fork its value begins with the parent's.
        text = Path("/proc/self/status").read_text()
        return next(int(line.split()[1]) * 1024 / 1e6 for line in text.splitlines() if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        pass
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def told(error: BaseException) -> str:
    """An exception in one line."""
    if isinstance(error, MemoryError):
        return "out of memory"
    text = " ".join(str(error).split())
    return text if isinstance(error, KonturError) and text else f"{type(error).__name__}: {text}".rstrip(": ")


def _described(result: Segmentation) -> dict[str, Any]:
    """All but the pixels. categories: segment id -> name, where the result has categories."""
    names = {c.id: c.name for c in result.taxonomy} if result.taxonomy is not None else {}
    known = {s.id: names[s.category] for s in result.segments if s.category is not None and s.category in names}
    return {
        "shape": list(result.shape),
        "background": result.background,
        "categories": None if result.taxonomy is None else known,
        "names": list(names.values()),
    }


def _answer(channel: IO[bytes], head: dict[str, Any], ids: np.ndarray | None = None) -> None:
    channel.write(json.dumps(head).encode() + b"\n")
    if ids is not None:
        channel.write(np.ascontiguousarray(ids, np.int32).tobytes())
    channel.flush()


if __name__ == "__main__":
    main()
