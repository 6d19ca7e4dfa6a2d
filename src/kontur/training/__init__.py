"""Training: a recipe in, a run folder out, which describes itself and can be resumed, tested and exported. Needs the extra `train`.

recipe.toml ─load_recipe▶ Recipe ─fit▶ RUN/ (checkpoints, metrics.csv, curves.png, samples/) ─evaluate, export▶ scores, NAME.onnx
"""

from __future__ import annotations

import importlib
from typing import Any

from ..core.errors import MissingExtra

_PUBLIC = {
    "Recipe": "recipe",
    "load_recipe": "recipe",
    "fit": "loop",
    "evaluate": "scoring",
    "export": "exporting",
    "load_run": "run",
}

__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(importlib.import_module(f".{_PUBLIC[name]}", __name__), name)
    except ModuleNotFoundError as error:
        if not str(error.name).startswith("kontur"):
            raise MissingExtra("kontur.training", "train") from None
        raise
