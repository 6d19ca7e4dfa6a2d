"""The page of `kontur serve` and its HTTP API: `create_app()` is an ASGI application, `kontur serve` runs it.

    browser ─▶ guard (token, sizes, headers) ─▶ routes ─▶ pool ─▶ worker processes (work) ─▶ kontur

The server process decodes nothing and computes nothing; whatever touches an upload happens in a process that can be ended.
docs/web.md is the contract.
"""

from __future__ import annotations

from ..core.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
