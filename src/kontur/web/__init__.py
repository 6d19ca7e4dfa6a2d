"""The page of `kontur serve` and its HTTP API: `create_app()` is an ASGI application, `kontur serve` runs it.

    browser ─▶ guard (token, sizes, headers) ─▶ routes ─▶ pool ─▶ worker processes (work) ─▶ kontur

The server process decodes nothing and computes nothing; whatever touches an upload happens in a process that can be ended.
docs/web.md is the contract.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.lazy import lazy_names

if TYPE_CHECKING:
    from .app import create_app as create_app
    from .limits import Limits as Limits

__all__ = ["Limits", "create_app"]

__getattr__ = lazy_names(__name__, {"Limits": "limits", "create_app": "app"})
