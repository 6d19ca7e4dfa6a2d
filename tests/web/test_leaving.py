"""Clients that go away: their work ends, in the queue at once and in a process soon; nobody else waits for it."""

from __future__ import annotations

import json
import socket
import time
import urllib.request

import numpy as np
import pytest

from kontur.web import Limits, create_app

from .conftest import disc, png
from .test_limits import serving

SLOW = {
    "method": "grabcut",
    "options": '{"iterations": 50, "components": 16}',
    "prompts": '{"boxes": [[9, 9, 890, 890]]}',
}


@pytest.fixture(scope="module")
def running():
    """(address, pool) of a real server with one process for long work; both of its processes are warm."""
    application = create_app(Limits(workers=1))
    pool = application.state.kontur.pool
    with serving(application=application) as address:
        assert within(120, lambda: pool.ready == pool.size)
        yield address, pool


def within(seconds: float, holds) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.02)
    return False


def form(picture: np.ndarray, **fields: str) -> tuple[bytes, str]:
    parts = [f'--x\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items()]
    head = '--x\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
    return ("".join(parts) + head).encode() + png(picture) + b"\r\n--x--\r\n", "multipart/form-data; boundary=x"


def sent(address, path: str, body: bytes, kind: str) -> socket.socket:
    """The connection of a request that was sent whole and is not answered yet."""
    line = socket.create_connection(address, timeout=60)
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    line.sendall(head.encode() + body)
    return line


def asked(address, path: str, body: bytes | None = None, kind: str = "application/json"):
    request = urllib.request.Request(f"http://localhost:{address[1]}{path}", body, {"content-type": kind})
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)


def test_work_ends_when_its_client_leaves(running):
    address, pool = running
    noise = np.random.default_rng(0).integers(0, 255, (900, 900, 3)).astype(np.uint8)
    ended = pool.counts["cancelled"]
    slow = sent(address, "/api/segment", *form(noise, **SLOW))
    assert within(30, lambda: pool.running == 1)
    behind = sent(address, "/api/segment", *form(noise, **SLOW))
    assert within(30, lambda: pool.waiting == 1)
    behind.close()
    assert within(1, lambda: pool.waiting == 0)
    assert (pool.running, pool.counts["cancelled"]) == (1, ended)  # the first is still at it; the second never began
    slow.close()
    assert within(3, lambda: pool.running == 0)
    assert pool.counts["cancelled"] == ended + 1
    answer = asked(address, "/api/segment", *form(disc(), method="otsu"))
    assert len(answer["segments"]) == 2
    assert pool.counts["cancelled"] == ended + 1


def test_a_client_that_leaves_and_comes_again_finds_its_session_as_it_was(running):
    address, pool = running
    session = asked(address, "/api/sessions", *form(disc(320, 240)))["session"]
    path = f"/api/sessions/{session}/prompts"
    box = json.dumps({"boxes": [[80, 40, 240, 200]]}).encode()
    busy = [pool.submit("test", {"what": "sleep", "amount": 6}, quick=True) for _ in range(2)]
    assert within(30, lambda: pool.running == 2)
    stroke = sent(address, path, box, "application/json")
    assert within(5, lambda: pool.waiting == 1)
    stroke.close()
    assert within(1, lambda: pool.waiting == 0)
    for task in busy:
        task.future.result(60)
    assert asked(address, f"/api/sessions/{session}")["step"] == 0
    assert asked(address, path, box)["step"] == 1


def test_work_that_is_nearly_done_costs_no_process(running):
    _, pool = running
    assert within(60, lambda: pool.ready == pool.size)
    ended = dict(pool.counts)
    task = pool.submit("test", {"what": "sleep", "amount": 0.5}, quick=True)
    assert within(10, lambda: pool.running == 1)
    pool.abandon(task)
    place = task.future.result(10)  # done, within the second that abandoned work has
    assert within(10, lambda: pool.running == pool.waiting == 0)
    assert (pool.counts, pool.ready) == (ended, pool.size)
    assert place in [slot.process.pid for slot in pool._slots]
