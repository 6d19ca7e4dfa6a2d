"""Methods that misbehave or are known exactly, run by `kontur compare` in its real processes.

A test writes `script`, whose process knows them as well as the registry's, and has `trial_process.COMMAND` start it.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from kontur import registry
from kontur.compare import trial_process

SOURCE = '''
import os, sys, time
import numpy as np
from kontur import registry
from kontur.core.errors import InputError
from kontur.core.segmentation import Segmentation

calls = 0

def whole(image):
    return Segmentation.from_labels(np.zeros(image.shape, int))

def sleeps(image):
    """30 ms, but 300 ms for the first two calls."""
    global calls
    calls += 1
    time.sleep(0.3 if calls <= 2 else 0.03)
    return whole(image)

def grows(image):
    """Touches 200 MB for a moment."""
    np.ones(200_000_000, np.uint8)
    return whole(image)

def dies(image):
    os._exit(7)

def dies_second(image):
    global calls
    calls += 1
    if calls > 2:  # the warm-up and the first image
        os.abort()
    return whole(image)

def hangs(image):
    time.sleep(60)

def refuses(image):
    raise InputError("this image: expected\\nsomething else")

def breaks(image):
    return 1 / 0

def prints(image):
    print("noise between the answers")
    os.write(1, b"more noise")
    return whole(image)

def tells_threads(image):
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    raise InputError(" ".join(os.environ[n] for n in names))

def tells_size(image):
    raise InputError(f"{image.shape} {image.pixels.dtype}")

def smaller(image):
    return Segmentation.from_labels(np.zeros((2, 2), int))
'''
NAMES = tuple(
    line[4 : line.index("(")] for line in SOURCE.splitlines() if line.startswith("def ") and "whole" not in line
)


@dataclass(frozen=True)
class StandIn(registry.Method):
    """A row without options."""

    def load(self):  # only its signature is asked for here
        def method(image):
            raise AssertionError("a stand-in was run in the asking process")

        return method


def install(monkeypatch, folder: Path) -> None:
    """Make the stand-ins known to this process and to those of `kontur compare`."""
    script = folder / "stand_ins.py"
    rows = "\n".join(f"registry.METHODS[{name!r}] = Row({name!r}, 'x', 'regions', 'x')" for name in NAMES)
    script.write_text(
        SOURCE
        + "\nclass Row(registry.Method):\n    def load(self):\n        return globals()[self.name]\n"
        + rows
        + "\nfrom kontur.compare.trial import main\nmain()\n"
    )
    monkeypatch.setattr(trial_process, "COMMAND", (sys.executable, str(script)))
    for name in NAMES:
        monkeypatch.setitem(registry.METHODS, name, StandIn(name, "x", "regions", "x"))
