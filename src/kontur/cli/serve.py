"""`kontur serve`: the page and the HTTP API."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from ..core.errors import MissingExtra, OptionError, OutputError
from . import screen
from .flags import Quiet

if TYPE_CHECKING:
    from ..web.limits import Limits

_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


def add_to(app: typer.Typer) -> None:
    @app.command("serve", help="Serve the page and the HTTP API: drag a box, paint a stroke, slide the level.")
    def command(
        host: Annotated[
            str, typer.Option("--host", help="The address to listen on; 0.0.0.0 lets other machines in.")
        ] = "127.0.0.1",
        port: Annotated[int, typer.Option("--port", help="0 takes a free one.")] = 8000,
        token: Annotated[
            str | None, typer.Option("--token", envvar="KONTUR_TOKEN", help="Needed by every request but /healthz.")
        ] = None,
        workers: Annotated[
            int | None,
            typer.Option("--workers", metavar="N", help="Processes that work; one more is kept for strokes."),
        ] = None,
        max_upload: Annotated[float, typer.Option("--max-upload", metavar="MB", help="Of one image.")] = 20,
        max_pixels: Annotated[float, typer.Option("--max-pixels", metavar="MP", help="Megapixels of one image.")] = 25,
        time_limit: Annotated[float, typer.Option("--time-limit", metavar="S", help="Seconds for one request.")] = 60,
        memory_limit: Annotated[float, typer.Option("--memory-limit", metavar="MB", help="For one request.")] = 2048,
        queue: Annotated[int, typer.Option("--queue", metavar="N", help="Requests that may wait.")] = 64,
        sessions: Annotated[int, typer.Option("--sessions", metavar="N", help="Images that are open at once.")] = 32,
        session_life: Annotated[
            float, typer.Option("--session-life", metavar="MIN", help="Minutes without use until an image is deleted.")
        ] = 30,
        label_studio: Annotated[
            str | None,
            typer.Option("--label-studio", metavar="URL", help="The Label Studio whose images may be fetched."),
        ] = None,
        quiet: Quiet = False,
    ) -> None:
        for name, value, least in (
            ("--max-upload", max_upload, 0.001),
            ("--max-pixels", max_pixels, 0.001),
            ("--time-limit", time_limit, 0.1),
            ("--memory-limit", memory_limit, 64),
            ("--queue", queue, 1),
            ("--sessions", sessions, 1),
            ("--session-life", session_life, 0.01),
            ("--workers", 1 if workers is None else workers, 1),
        ):
            if not value >= least:
                raise OptionError(f"option {name}: expected a number, at least {least:g}, got {value}")
        if not 0 <= port <= 65535:
            raise OptionError(f"option --port: expected 0..65535, got {port}")
        try:
            import uvicorn  # noqa: F401

            from ..web.app import limits_of
        except ImportError as error:
            if str(error.name).startswith("kontur"):
                raise
            raise MissingExtra("kontur serve", "web") from None
        limits = limits_of(
            max_upload=int(max_upload * 1e6),
            max_pixels=int(max_pixels * 1e6),
            time_limit=float(time_limit),
            memory_limit=int(memory_limit * 1e6),
            queue=queue,
            sessions=sessions,
            session_life=session_life * 60,
            workers=workers,
        )
        _serve(limits, host, port, token, label_studio)


def _serve(limits: Limits, host: str, port: int, token: str | None, label_studio: str | None) -> None:
    """Serve until Ctrl+C. Raises OutputError for an address that can't be listened on."""
    import uvicorn

    from ..web.app import create_app

    loopback = _is_loopback(host)
    hosts = tuple(dict.fromkeys((*_LOOPBACK, host))) if loopback else None  # no page may reach it by another name
    application = create_app(limits, token=token, hosts=hosts, label_studio=label_studio)
    config = uvicorn.Config(
        application,
        host=host,
        port=port,
        log_level="error",
        access_log=False,  # addresses of sessions are secrets
        server_header=False,
        limit_concurrency=4096,
        timeout_keep_alive=10,
        timeout_graceful_shutdown=5,
    )
    try:
        listening = _bound(host, port)
    except OSError as error:
        raise OutputError(
            f"cannot listen on {host} port {port}: {error.strerror or error}. Choose another with --port"
        ) from None
    place = listening.getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    link = f"/?token={token}" if token else ""
    screen.say(f"Kontur is at http://{shown}:{place}{link}  (Ctrl+C ends it)")
    screen.say(limits.retention)
    sys.stdout.flush()  # whoever started it through a pipe waits for the address
    if not loopback and not token:
        screen.note("note: everybody who can reach this address may use it; --token TOKEN asks for one")
    try:
        uvicorn.Server(config).run(sockets=[listening])
    except KeyboardInterrupt:
        pass
    finally:
        application.state.kontur.close()


def _bound(host: str, port: int) -> socket.socket:
    """The listening socket. Raises OSError, where uvicorn itself would end the process."""
    found = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    if os.name != "nt":
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind((host, port))
    found.set_inheritable(False)
    return found


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
