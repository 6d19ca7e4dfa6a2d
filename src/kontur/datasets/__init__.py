"""Data sets: `open` one by its name and read (image, target, name) samples; `check` one before it costs a day.

>>> import kontur.datasets
>>> scenes = kontur.datasets.open("camvid", "data/camvid", split="train")   # doctest: +SKIP
>>> image, target, name = scenes[0]                                         # doctest: +SKIP
"""

from __future__ import annotations

from ..core.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
