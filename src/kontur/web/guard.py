"""What stands before every request: token, origin, sizes, slow uploads, headers; and the one form of an error.

An ASGI middleware. It counts the bytes of bodies while they come in, all requests together, so that memory is bounded
whatever the clients say about their lengths.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from .limits import Limits, Problem
from .telemetry import Telemetry

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

COOKIE = "kontur_token"
_SLACK = 1_000_000
"""Bytes of a body beside its image: the other fields and the borders between them."""
_MOST_OPEN = 512
"""Requests under way at once."""
_DRAIN = 10.0
"""Seconds for which a body that is too large is read and thrown away, so that the client hears the answer."""
HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'self'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
_FREE = ("/healthz",)


class Guard:
    """token: or None for none. hosts: names in the Host header that are served, or None for any."""

    def __init__(
        self, app: App, limits: Limits, telemetry: Telemetry, token: str | None, hosts: tuple[str, ...] | None
    ) -> None:
        self._app, self._limits, self._telemetry, self._token = app, limits, telemetry, token
        self._hosts = hosts
        self._cookie = hashlib.sha256(b"kontur page\0" + token.encode()).hexdigest() if token else ""
        self._in_flight = 0
        self._open = 0

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
                return
            await self._app(scope, receive, send)
            return
        request = _Request(scope, send)
        self._open += 1
        try:
            if self._open > _MOST_OPEN:
                raise Problem(
                    429, "The server is busy: too many requests are under way. Try again in a few seconds.", 2
                )
            self._check_sender(request)
            if self._is_token_link(request):
                await request.redirect(self._cookie)
                return
            self._check_token(request)
            limit = self._body_limit(request.path)
            declared = request.headers.get("content-length", "0")
            if declared.isdigit() and int(declared) > limit:
                await self._drain(receive)
                raise self._too_long(limit)
            await self._served(scope, request, receive, limit)
            if request.status in (413, 429) and request.cut_short:
                await self._drain(receive)  # a connection that is closed on unread bytes loses the answer
        except Problem as problem:
            await request.refuse(problem)
        except Exception:
            traceback.print_exc(file=sys.stderr)  # for whoever runs the server; the client learns nothing of it
            await request.refuse(Problem(500, "The server failed in a way it should not. Please report it."))
        finally:
            self._open -= 1
            self._in_flight -= request.received
            self._telemetry.finished(scope, request.status, time.monotonic() - request.began)

    # --- who asks -----------------------------------------------------------------------------------------------------

    def _check_sender(self, request: _Request) -> None:
        host = request.headers.get("host", "")
        if self._hosts is not None and _name(host) not in self._hosts:
            raise Problem(
                403, "This server is not known under that name. Open it by the address it printed at its start."
            )
        if request.method in ("GET", "HEAD", "OPTIONS"):
            return
        origin = request.headers.get("origin")
        try:
            foreign = origin is not None and urlsplit(origin).netloc != host
        except ValueError:  # no address at all
            foreign = True
        if foreign or request.headers.get("sec-fetch-site") == "cross-site":
            raise Problem(403, "Pages of other origins may not use this server.")

    def _is_token_link(self, request: _Request) -> bool:
        if not self._token or request.path != "/" or request.method not in ("GET", "HEAD"):
            return False
        given = parse_qs(request.query).get("token", [""])[0]
        return bool(given) and hmac.compare_digest(given.encode(), self._token.encode())

    def _check_token(self, request: _Request) -> None:
        if not self._token or request.path in _FREE:
            return
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "basic":  # Label Studio knows user and password only
            try:
                value = base64.b64decode(value).decode().partition(":")[2]
            except ValueError:
                value = ""
        if value and hmac.compare_digest(value.strip().encode(), self._token.encode()):
            return
        for part in request.headers.get("cookie", "").split(";"):
            name, _, value = part.strip().partition("=")
            if name == COOKIE and hmac.compare_digest(value.encode(), self._cookie.encode()):
                return
        raise Problem(
            401,
            "This server needs its token: open the page as /?token=TOKEN, or send the header Authorization: Bearer TOKEN.",
        )

    async def _served(self, scope: MutableMapping[str, Any], request: _Request, receive: Receive, limit: int) -> None:
        """Run the application; where the client goes before an answer has begun, cancel it: work is for somebody."""
        first = None
        if not request.has_body:  # all that is to come is the end of the request, and then the client's going
            first = await receive()
            request.whole.set()
        answering = asyncio.ensure_future(self._app(scope, self._counted(request, receive, limit, first), request.send))
        going = asyncio.ensure_future(_gone(request, receive))
        try:
            await asyncio.wait((answering, going), return_when=asyncio.FIRST_COMPLETED)
            if answering.done() or request.status:
                await answering
            else:
                answering.cancel()
                await asyncio.wait((answering,))
                request.status = 499
        finally:
            answering.cancel()
            going.cancel()

    # --- how much they send ---------------------------------------------------------------------------------------------

    def _body_limit(self, path: str) -> int:
        return self._limits.max_upload * (4 if path == "/api/jobs" else 1) + _SLACK

    def _too_long(self, limit: int) -> Problem:
        return Problem(
            413, f"The upload is too large: at most {(limit - _SLACK) / 1e6:g} MB are taken. Use a smaller image."
        )

    def _counted(self, request: _Request, receive: Receive, limit: int, first: Message | None) -> Receive:
        deadline = request.began + self._limits.upload_time

        async def counted() -> Message:
            nonlocal first
            if first is not None:
                message, first = first, None
                return message
            if request.whole.is_set():
                return await receive()  # waits for the client to go
            if request.problem is not None:
                raise request.problem
            patience = min(self._limits.stall, max(0.0, deadline - time.monotonic()))
            try:
                message = await asyncio.wait_for(receive(), patience)
            except TimeoutError:
                raise request.failed(Problem(408, "The upload stalled and was given up. Send it again.")) from None
            if message["type"] != "http.request":
                request.whole.set()
                return message
            size = len(message.get("body", b""))
            request.received += size
            self._in_flight += size
            if not message.get("more_body", False):
                request.whole.set()
            if request.received > limit:
                raise request.failed(self._too_long(limit))
            if self._in_flight > self._limits.in_flight:
                raise request.failed(
                    Problem(429, "The server is busy with other uploads. Try again in a few seconds.", 3)
                )
            return message

        return counted

    async def _drain(self, receive: Receive) -> None:
        left, end = 8 * self._limits.max_upload, time.monotonic() + _DRAIN
        while left > 0 and time.monotonic() < end:
            try:
                message = await asyncio.wait_for(receive(), min(2.0, _DRAIN))
            except TimeoutError:
                return
            left -= len(message.get("body", b""))
            if message["type"] != "http.request" or not message.get("more_body", False):
                return


class _Request:
    """One request on its way: what is known of it, and the way back."""

    def __init__(self, scope: Mapping[str, Any], send: Send) -> None:
        self.path: str = scope["path"]
        self.method: str = scope["method"]
        self.query: str = scope.get("query_string", b"").decode("latin-1")
        self.headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        self.began = time.monotonic()
        self.received = 0
        self.status = 0
        self.problem: Problem | None = None
        self.cut_short = False
        self.has_body = "transfer-encoding" in self.headers or self.headers.get("content-length", "0") != "0"
        self.whole = asyncio.Event()
        self._refused = False
        self._send = send

    def failed(self, problem: Problem) -> Problem:
        """Note why the body cannot be had: the framework would answer 400 whatever the reason."""
        self.problem, self.cut_short = problem, True
        return problem

    async def send(self, message: Message) -> None:
        if self._refused:
            return  # what the framework makes of it has no place any more
        if self.problem is not None and not self.status:
            await self.refuse(self.problem)
            return
        if message["type"] == "http.response.start":
            self.status = message["status"]
            present = {k.lower() for k, _ in message.get("headers", [])}
            extra = dict(HEADERS)
            if self.path.startswith("/api") or self.path in ("/predict", "/setup", "/metrics"):
                extra["cache-control"] = "no-store"
            added = [(k.encode(), v.encode()) for k, v in extra.items() if k.encode() not in present]
            message["headers"] = [*message.get("headers", []), *added]
        await self._send(message)

    async def refuse(self, problem: Problem) -> None:
        if self.status:
            return  # the answer has begun
        self.status, self._refused = problem.status, True
        body = json.dumps({"error": problem.sentence}, ensure_ascii=False).encode()
        headers = {
            **HEADERS,
            "content-type": "application/json",
            "content-length": str(len(body)),
            "cache-control": "no-store",
        }
        if problem.retry_after:
            headers["retry-after"] = str(problem.retry_after)
        if problem.status == 401:
            headers["www-authenticate"] = "Bearer"
        if problem.status in (408, 413):
            headers["connection"] = "close"
        coded = [(k.encode(), v.encode()) for k, v in headers.items()]
        await self._send({"type": "http.response.start", "status": problem.status, "headers": coded})
        await self._send({"type": "http.response.body", "body": b"" if self.method == "HEAD" else body})

    async def redirect(self, cookie: str) -> None:
        self.status = 303
        headers = {
            **HEADERS,
            "location": "/",
            "content-length": "0",
            "cache-control": "no-store",
            "set-cookie": f"{COOKIE}={cookie}; Path=/; HttpOnly; SameSite=Strict",
        }
        coded = [(k.encode(), v.encode()) for k, v in headers.items()]
        await self._send({"type": "http.response.start", "status": 303, "headers": coded})
        await self._send({"type": "http.response.body", "body": b""})


async def _gone(request: _Request, receive: Receive) -> None:
    """Returns when the client has gone; a body must have been read before."""
    await request.whole.wait()
    while (await receive())["type"] != "http.disconnect":
        pass


def _name(host: str) -> str:
    """The Host header without its port."""
    if host.startswith("["):
        return host[: host.find("]") + 1]
    return host.rsplit(":", 1)[0].lower() if ":" in host else host.lower()
