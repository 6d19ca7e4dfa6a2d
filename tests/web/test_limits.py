"""Each limit has its status code and a sentence; hostile uploads harm nobody else; ended processes lose their own work only."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import json
import os
import signal
import socket
import struct
import threading
import time
import zlib

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image as Pillow

from kontur.web import Limits, create_app
from kontur.web.limits import Problem
from kontur.web.pool import Task

from .conftest import LIMITS, disc, png


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few kilobytes whose header promises, and whose data holds, any number of black pixels."""
    squeezer = zlib.compressobj(9)
    row = b"\0" * (width + 1)
    data = b"".join(squeezer.compress(row) for _ in range(height)) + squeezer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def send(client, content: bytes, name: str = "a.png", method: str = "otsu"):
    return client.post("/api/segment", files={"image": (name, content, "image/png")}, data={"method": method})


GOOD = png(disc(32, 24))


@pytest.mark.parametrize(
    ("content", "status", "says"),
    [
        (b"", 415, "empty file"),
        (b"hello", 415, "expected a JPEG, PNG, TIFF, WebP or BMP image"),
        (b"GIF89a" + b"\0" * 40, 415, "got a GIF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "expected a JPEG"),
        (b"\0\0\0\x18ftypheic" + b"\0" * 40, 415, "HEIC"),
        (GOOD[:200], 422, "cut off"),
        (GOOD[:-8], 422, "cut off"),
        (GOOD[:60] + b"\xff" * 30 + GOOD[90:], 422, "expected a whole PNG"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 100, 422, "expected a whole JPEG"),
        (b"II*\0" + b"\xff" * 100, 422, "image"),
        (b"RIFF\xff\xff\xff\xffWEBP" + b"\0" * 40, 422, "image"),
        (bomb(4000, 3000), 413, "expected at most 1 megapixels, got 4000 x 3000 = 12 megapixels"),
        (bomb(60_000, 8)[:33] + bomb(60_000, 8)[33:], 200, ""),
        (b"x" * 2_500_000, 413, "at most 2 MB"),
        (b"x" * 4_500_000, 413, "at most 2 MB"),
    ],
    ids=lambda value: f"{len(value)} bytes" if isinstance(value, bytes) else None,
)
def test_hostile_uploads(client, content, status, says):
    answer = send(client, content)
    assert answer.status_code == status, answer.text
    if status != 200:
        assert says in answer.json()["error"]
        assert "/" not in answer.json()["error"].replace("48/", "")


def test_a_name_with_a_path_is_only_a_name(client):
    made = client.post("/api/sessions", files={"image": ("../../etc/pass\nwd.png", GOOD, "image/png")}).json()
    path = f"/api/sessions/{made['session']}"
    client.post(f"{path}/prompts", json={"boxes": [[6, 4, 26, 20]]})
    name = client.get(f"{path}/results/step1/coco").json()["images"][0]["file_name"]
    assert "/" not in name
    assert "\n" not in name


def test_bodies_that_are_no_form(client):
    unbounded = client.post("/api/segment", content=b"--x\r\n", headers={"content-type": "multipart/form-data"})
    assert (unbounded.status_code, set(unbounded.json())) == (400, {"error"})
    nonsense = client.post(
        "/api/segment", content=b"nonsense", headers={"content-type": "multipart/form-data; boundary=x"}
    )
    assert (nonsense.status_code, set(nonsense.json())) == (400, {"error"})
    plain = client.post("/api/segment", content=b"abc", headers={"content-type": "text/plain"})
    assert (plain.status_code, set(plain.json())) == (422, {"error"})
    no_json = client.post("/setup", content=b"{", headers={"content-type": "application/json"})
    assert (no_json.status_code, set(no_json.json())) == (400, {"error"})
    deep = client.post("/setup", content=b"[" * 200_000, headers={"content-type": "application/json"})
    assert (deep.status_code, set(deep.json())) == (400, {"error"})
    wrong_verb = client.put("/api/segment")
    assert (wrong_verb.status_code, set(wrong_verb.json())) == (405, {"error"})


def test_pages_of_other_origins_are_refused(client):
    foreign = client.post("/setup", json={}, headers={"origin": "https://evil.example"})
    assert (foreign.status_code, foreign.json()["error"]) == (403, "Pages of other origins may not use this server.")
    assert client.post("/setup", json={}, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert client.post("/setup", json={}, headers={"origin": "http://testserver"}).status_code == 200
    for broken in ("http://[x", "http://[", "null", "//]"):
        answer = client.post("/setup", json={}, headers={"origin": broken})
        assert (answer.status_code, set(answer.json())) == (403, {"error"}), broken


def test_fields_of_a_form_may_be_as_long_as_the_upload(client):
    noise = np.random.default_rng(0).integers(0, 3, (1000, 1000)).astype(np.uint8)  # 1, 2: marks
    marks = io.BytesIO()
    Pillow.fromarray(noise).save(marks, format="PNG", compress_level=0)  # 1 MB, 1.3 MB in base64
    prompts = json.dumps({"scribbles_png": base64.b64encode(marks.getvalue()).decode()})
    assert len(prompts) > 1_300_000
    for path, picture in (("/api/segment", disc(96, 72)), ("/api/jobs", disc(96, 72))):
        files = {"image": ("a.png", png(picture), "image/png")}
        answer = client.post(path, files=files, data={"method": "random_walker", "prompts": prompts})
        if path == "/api/segment":  # read to the end, and refused for its size only
            assert (answer.status_code, "1000" in answer.json()["error"]) == (422, True), answer.text
        else:
            assert answer.status_code == 202, answer.text
    long = client.post("/api/segment", files={"image": ("a.png", GOOD, "image/png")}, data={"prompts": "x" * 2_500_000})
    assert (long.status_code, "too long" in long.json()["error"]) == (400, True)


# --- the pool ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def pool(client):
    return client.app.state.kontur.pool


def outcome(task):
    """The status of a piece of work, and its sentence or value."""
    try:
        return 200, task.future.result(120)
    except Problem as problem:
        return problem.status, problem.sentence


def test_work_that_takes_too_long_is_ended(pool):
    slow = pool.submit("test", {"what": "sleep", "amount": 60}, seconds=0.3)
    after = pool.submit("test", {"what": "sleep", "amount": 0})
    status, sentence = outcome(slow)
    assert (status, "longer than 0.3 seconds" in sentence) == (504, True)
    assert outcome(after)[0] == 200  # in another process, started for it


def test_one_giant_allocation_is_refused(pool):
    status, sentence = outcome(pool.submit("test", {"what": "allocate", "amount": 40e9}))
    assert (status, "more memory" in sentence) == (507, True)
    assert outcome(pool.submit("test", {"what": "sleep"}))[0] == 200


def test_what_earlier_work_has_left_costs_nobody_a_507(pool):
    hoard = {"what": "hoard", "amount": LIMITS.memory_limit * 0.6}
    first, again = (outcome(pool.submit("test", hoard)) for _ in range(2))
    assert (first[0], again[0]) == (200, 200)
    assert first[1] != again[1]  # another process
    assert outcome(pool.submit("test", {"what": "die"}))[0] == 503


def test_a_killed_process_loses_its_own_work_only(client, pool):
    dying = pool.submit("test", {"what": "die"})
    quick = pool.submit("test", {"what": "sleep"}, quick=True)
    later = pool.submit("test", {"what": "sleep"})
    status, sentence = outcome(dying)
    assert (status, "Only this request is lost" in sentence) == (503, True)
    assert outcome(quick)[0] == outcome(later)[0] == 200


def test_a_process_that_dies_in_its_sleep_costs_nobody_anything(pool):
    place = outcome(pool.submit("test", {"what": "sleep"}))[1]
    os.kill(place, signal.SIGKILL)
    time.sleep(0.1)
    status, other = outcome(pool.submit("test", {"what": "sleep"}))
    assert status == 200
    assert other != place


def test_withdrawn_work_never_begins_and_begun_work_goes_on(pool):
    running = pool.submit("test", {"what": "sleep", "amount": 0.5})
    deadline = time.monotonic() + 60
    while pool.waiting and time.monotonic() < deadline:
        time.sleep(0.02)
    waiting = pool.submit("test", {"what": "die"})
    pool.withdraw(waiting)
    pool.withdraw(running)
    assert outcome(waiting)[0] == 409
    assert outcome(running)[0] == 200


def test_what_every_process_must_be_told_waits_as_long_as_it_takes(pool):
    busy = pool.submit("test", {"what": "sleep", "amount": 0.5}, quick=True)
    told = Task("test", {"what": "sleep"}, 1.0, True, None, only=0)
    late = Task("test", {"what": "sleep"}, 1.0, False, None)
    with pool._changed:
        told.queued = late.queued = time.monotonic() - 1000
        pool._waiting.extend((told, late))
        pool._forget_old(time.monotonic())
    assert outcome(busy)[0] == 200
    assert outcome(late)[0] == 429
    with pool._changed:
        pool._changed.notify_all()
    assert outcome(told)[0] == 200


def test_a_bug_shows_no_traceback(pool):
    status, sentence = outcome(pool.submit("test", {"what": "raise"}))
    assert status == 503
    assert "path" not in sentence


def test_a_full_queue_answers_429_and_cancelled_work_is_ended(client, pool):
    held = [pool.submit("test", {"what": "sleep", "amount": 100})]
    deadline = time.monotonic() + 60
    while pool.waiting and time.monotonic() < deadline:  # until a process has begun it
        time.sleep(0.02)
    held += [pool.submit("test", {"what": "sleep"}) for _ in range(8)]
    try:
        answer = send(client, GOOD)
        assert answer.status_code == 429
        assert answer.json()["error"].startswith("The server is busy")
        assert int(answer.headers["retry-after"]) > 0
    finally:
        for task in reversed(held):
            pool.cancel(task)
    assert {outcome(task)[0] for task in held} <= {409, 200}
    assert outcome(held[0])[0] == 409
    assert send(client, GOOD).status_code == 200


@pytest.mark.slow
def test_work_that_grows_is_ended():
    from kontur.web.pool import Pool

    pool = Pool(Limits(workers=1, memory_limit=300_000_000))
    try:
        status, _ = outcome(pool.submit("test", {"what": "grow"}))
        assert status == 507
        assert outcome(pool.submit("test", {"what": "sleep"}))[0] == 200
        assert pool.counts["memory"] == 1
    finally:
        pool.close()


# --- before any work: these need no process ---------------------------------------------------------------------------


@contextlib.contextmanager
def serving(**changes):
    """A real server in a thread, whose processes start with the first work. changes: of Limits and `create_app`."""
    import uvicorn

    application = changes.pop("application", None) or create_app(
        Limits(workers=1, **changes.pop("limits", {})), **changes
    )
    config = uvicorn.Config(application, port=0, log_level="critical", lifespan="off")
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])), daemon=True)
    thread.start()
    deadline = time.monotonic() + 60
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.02)
    try:
        yield listening.getsockname()
    finally:
        server.should_exit = True
        thread.join(20)
        application.state.kontur.close()


def raw(address, request: bytes, *, close: bool = False) -> bytes:
    with socket.create_connection(address, timeout=30) as line:
        line.sendall(request)
        if close:
            return b""
        answer = b""
        with contextlib.suppress(OSError):
            while part := line.recv(65536):
                answer += part
                head, _, body = answer.partition(b"\r\n\r\n")
                length = [
                    int(v)
                    for k, _, v in (h.partition(b":") for h in head.split(b"\r\n"))
                    if k.lower() == b"content-length"
                ]
                if length and len(body) >= length[0]:
                    break
        return answer


HEAD = b"POST /api/segment HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"


def test_lying_slow_and_endless_uploads(capfd):
    with serving(limits={"stall": 0.3, "max_upload": 100_000}) as address:
        stalled = raw(address, HEAD + b"Content-Length: 5000\r\n\r\n--x\r\n")
        assert stalled.startswith(b"HTTP/1.1 408 ")
        assert b'"error"' in stalled
        declared = raw(address, HEAD + b"Content-Length: 9000000000\r\n\r\n--x\r\n")
        assert declared.startswith(b"HTTP/1.1 413 ")
        part = b"--x\r\nContent-Disposition: form-data; name=image; filename=a\r\n\r\n".ljust(65536, b"x")
        chunks = b"10000\r\n" + part + b"\r\n" + (b"10000\r\n" + b"x" * 65536 + b"\r\n") * 20 + b"0\r\n\r\n"
        endless = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks
        assert raw(address, endless).startswith(b"HTTP/1.1 413 ")
        raw(address, HEAD + b"Content-Length: 5000\r\n\r\n--x\r\n", close=True)  # goes away in the middle
        assert raw(address, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").startswith(b"HTTP/1.1 200 ")
    assert "Traceback" not in capfd.readouterr().err


def test_all_uploads_together_are_bounded():
    with serving(limits={"in_flight": 50_000, "max_upload": 200_000}) as address:
        body = b"--x\r\n" + b"x" * 60_000
        answer = raw(address, HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert answer.startswith(b"HTTP/1.1 429 ")
        assert b"retry-after" in answer.lower()


def test_token_hosts_and_free_health():
    application = create_app(Limits(workers=1), token="s3cret", hosts=("localhost",))
    try:
        client = TestClient(application, base_url="http://localhost", follow_redirects=False)
        assert client.get("/healthz").status_code == 200
        for path in ("/", "/api/samples", "/metrics", "/openapi.json", "/static/app.js", "/nothing"):
            answer = client.get(path)
            assert (answer.status_code, set(answer.json())) == (401, {"error"}), path
        assert client.get("/api/samples", headers={"authorization": "Bearer wrong"}).status_code == 401
        assert client.get("/api/samples", headers={"authorization": "Bearer s3cret"}).status_code == 200
        assert client.get("/api/samples", auth=("user", "s3cret")).status_code == 200
        assert client.get("/?token=wrong").status_code == 401
        link = client.get("/?token=s3cret")
        assert (link.status_code, link.headers["location"]) == (303, "/")
        assert "HttpOnly" in link.headers["set-cookie"]
        assert "s3cret" not in link.headers["set-cookie"]
        assert client.get("/api/samples").status_code == 200  # by the cookie
        assert client.get("/healthz", headers={"host": "evil.example"}).status_code == 403
    finally:
        application.state.kontur.close()
