"""Damage at stated strength, and the filters against it: `kontur.degrade.gaussian_noise(image, sigma=0.1, seed=0)`.

    image -> noise, blur, JPEG, low light, down-sampling -> image of the same size, type and bands -> filter -> image

`KINDS` and `FILTERS` are the tables behind `kontur degrade`; `degrade(image, kind, **options)` goes by their names. Each
name is imported when it is first asked for.
"""

from __future__ import annotations

from ..core.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
