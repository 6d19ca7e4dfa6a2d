"""Training: a recipe in, a run folder out, which describes itself and can be resumed, tested and exported. Needs the extra `train`.

recipe.toml ─load_recipe▶ Recipe ─fit▶ RUN/ (checkpoints, metrics.csv, curves.png, samples/) ─evaluate, export▶ scores, NAME.onnx
"""

from __future__ import annotations

from ..core.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__, extra="train")
