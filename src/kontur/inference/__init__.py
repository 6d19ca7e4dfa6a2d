"""Networks in use: ONNX files run by ONNX Runtime, without PyTorch, on images of any size.

>>> from kontur.inference import Predictor
>>> predictor = Predictor("street.onnx", flips=True)   # doctest: +SKIP
>>> predictor(kontur.read_image("photo.jpg"))          # doctest: +SKIP
"""

from __future__ import annotations

from ..core.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
