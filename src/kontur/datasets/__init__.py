"""Data sets: `open` one by its name and read (image, target, name) samples; `check` one before it costs a day.

>>> import kontur.datasets
>>> scenes = kontur.datasets.open("camvid", "data/camvid", split="train")   # doctest: +SKIP
>>> image, target, name = scenes[0]                                         # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.lazy import lazy_names

if TYPE_CHECKING:
    from .catalogue import NAMES, layout, open
    from .checking import check
    from .report import Finding, Report
    from .sample import Dataset, Layout, Sample

_PUBLIC = {
    "NAMES": "catalogue",
    "Dataset": "sample",
    "Finding": "report",
    "Layout": "sample",
    "Report": "report",
    "Sample": "sample",
    "check": "checking",
    "layout": "catalogue",
    "open": "catalogue",
}

__all__ = ["NAMES", "Dataset", "Finding", "Layout", "Report", "Sample", "check", "layout", "open"]

__getattr__ = lazy_names(__name__, _PUBLIC)


def __dir__() -> list[str]:
    return sorted(__all__)
