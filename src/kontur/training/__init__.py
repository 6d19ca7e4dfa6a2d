"""Training: a recipe in, a run folder out, which describes itself and can be resumed, tested and exported. Needs the extra `train`.

recipe.toml ─load_recipe▶ Recipe ─fit▶ RUN/ (checkpoints, metrics.csv, curves.png, samples/) ─evaluate, export▶ scores, NAME.onnx
"""

from __future__ import annotations

from ..core.lazy import lazy_names

_PUBLIC = {
    "Recipe": "recipe",
    "load_recipe": "recipe",
    "fit": "loop",
    "evaluate": "scoring",
    "export": "exporting",
    "load_run": "run",
    "test_file": "testing",
    "test_run": "testing",
}

__all__ = sorted(_PUBLIC)

__getattr__ = lazy_names(__name__, _PUBLIC, extra="train")
