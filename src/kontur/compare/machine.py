"""On what the comparison ran: processor, system, versions, how busy it was."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

from ..core import packages
from ..core.segmentation import Provenance

_PACKAGES = ("numpy", "scipy", "scikit-image", "scikit-learn", "pillow", "onnxruntime")


def versions() -> dict[str, str]:
    """Kontur's, Python's and those of the packages that do the work, as far as they are installed."""
    return {
        "kontur": Provenance("compare").version,
        "python": platform.python_version(),
        **packages.versions(_PACKAGES),
    }


def machine() -> dict[str, object]:
    """processor, cores, memory_gb and system; no name of the host or of a user."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": _memory(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}".strip(),
    }


def load() -> float | None:
    """How many processes wanted a core in the last minute, this one among them; None where the system does not say."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine() or sys.platform


def _memory() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1)
    except (AttributeError, ValueError, OSError):
        return None
