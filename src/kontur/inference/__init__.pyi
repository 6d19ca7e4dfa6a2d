from .models import Model, embedded, find
from .network_file import Metadata, NetworkFile, open_network
from .predictor import Predictor
from .windows import Streamed, segment_windows

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
