"""The page of `kontur serve` and its HTTP API: `create_app()` is an ASGI application, `kontur serve` runs it.

    browser ─▶ guard (token, sizes, headers) ─▶ app (routes) ─▶ pool ─▶ worker processes (work.py) ─▶ kontur

The server process decodes nothing and computes nothing; whatever touches an upload happens in a process that can be ended.
docs/web.md is the contract.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .app import create_app as create_app
    from .limits import Limits as Limits

__all__ = ["Limits", "create_app"]


def __getattr__(name: str) -> Any:
    if name == "create_app":
        from .app import create_app

        return create_app
    if name == "Limits":
        from .limits import Limits

        return Limits
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
