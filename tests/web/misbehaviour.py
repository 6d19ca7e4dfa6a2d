"""Work that misbehaves, for the tests of the pool: conftest names this file to the workers."""

from __future__ import annotations

import os
import signal
import time

import numpy as np

_HOARD: list[np.ndarray] = []


def misbehave(folder, tell, what, amount=0):
    if what == "sleep":
        time.sleep(amount)
    elif what == "grow":
        held = []
        while True:
            held.append(np.ones(4_000_000, np.uint8))
            time.sleep(0.002)
    elif what == "allocate":
        return int(np.ones(int(amount), np.uint8)[-1])
    elif what == "hoard":
        _HOARD.append(np.empty(int(amount), np.uint8))
    elif what == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    elif what == "raise":
        raise ValueError("/a/path that nobody may see")
    elif what == "held":
        from kontur.web.work import pictures

        return list(pictures._canvases)
    return os.getpid()


WORK = {"test": misbehave}
