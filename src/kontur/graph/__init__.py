"""Segmentation on graphs. The methods are in the registry; these are their parts for use on arrays.

Each name is imported when it is first asked for, so that `import kontur.graph` compiles nothing.
"""

from __future__ import annotations

from ..core.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
