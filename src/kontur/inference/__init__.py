"""Networks in use: ONNX files run by ONNX Runtime, without PyTorch, on images of any size.

>>> from kontur.inference import Predictor
>>> predictor = Predictor("street.onnx", flips=True)   # doctest: +SKIP
>>> predictor(kontur.read_image("photo.jpg"))          # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.lazy import lazy_names

if TYPE_CHECKING:
    from .models import Model, embedded, find
    from .network_file import Metadata, NetworkFile, open_network
    from .predictor import Predictor
    from .windows import Streamed, segment_windows

_PUBLIC = {
    "Metadata": "network_file",
    "Model": "models",
    "NetworkFile": "network_file",
    "Predictor": "predictor",
    "embedded": "models",
    "find": "models",
    "Streamed": "windows",
    "open_network": "network_file",
    "segment_windows": "windows",
}

__all__ = [
    "Metadata",
    "Model",
    "NetworkFile",
    "Predictor",
    "Streamed",
    "embedded",
    "find",
    "open_network",
    "segment_windows",
]

__getattr__ = lazy_names(__name__, _PUBLIC)
