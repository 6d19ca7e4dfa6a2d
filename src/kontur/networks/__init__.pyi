from .catalogue import CATALOGUE, build, options_of
from .network import Logits, Network

__all__ = [
    "CATALOGUE",
    "Logits",
    "Network",
    "build",
    "options_of",
]
