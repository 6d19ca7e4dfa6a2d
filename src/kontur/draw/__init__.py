"""Pictures of results: overlays, contact sheets, colours. Needs only NumPy and Pillow."""

from __future__ import annotations

from ..core.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)

from .overlay import overlay as overlay  # noqa: E402  # at once: its module has the same name
