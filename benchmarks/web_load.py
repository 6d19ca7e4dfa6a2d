"""`kontur serve` under load: start, strokes, and 64 clients of whom half are hostile. Prints the tables for docs/log.md.

    python benchmarks/web_load.py start strokes load [--photo FILE] [--clients 64] [--seconds 30]

start:   seconds until GET /healthz answers, and until all processes are warm.
strokes: on a photo of 1024 x 768 pixels, a box and then strokes; from the request to the whole answer, fast and exact.
load:    64 clients at once, half of them good (otsu, slic, grabcut on a 320 x 240 picture), half of them hostile: truncated,
         bomb, wrong type, lying length, slow. A good client that hears 429 waits as long as it is told, and asks again.
         Counted: answers by status, good requests answered and lost, their time, and the largest memory of the server and of its
         workers, every 0.2 s. Ends with an error where a good request was lost.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import os
import random
import re
import socket
import statistics
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def served(*options: str) -> Iterator[tuple[int, int, float]]:
    """(port, process id, the time of its start) of a server of its own."""
    environment = dict(os.environ, PYTHONPATH=str(ROOT / "src"), PYTHONUNBUFFERED="1")
    began = time.perf_counter()
    command = [sys.executable, "-m", "kontur", "serve", "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r":(\d+)", line.partition("//")[2])
    if found is None:
        raise SystemExit(f"the server did not start: {line}")
    try:
        yield int(found.group(1)), process.pid, began
    finally:
        process.terminate()
        process.wait(20)


def ask(
    port: int, method: str, path: str, body: bytes | None = None, kind: str = "application/json", wait: float = 180
):
    """(status, headers, body) of one request on a connection of its own."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=wait)
    try:
        line.request(method, path, body, {"Content-Type": kind} if body is not None else {})
        answer = line.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        line.close()


def form(image: bytes, **fields: str) -> tuple[bytes, str]:
    """A multipart body and its type."""
    parts = [f'--edge\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'.encode() for k, v in fields.items()]
    head = (
        b'--edge\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
    )
    return b"".join(parts) + head + image + b"\r\n--edge--\r\n", "multipart/form-data; boundary=edge"


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Pillow.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def wait_until_warm(port: int, began: float) -> tuple[float, float]:
    """Seconds until the first answer of /healthz, and until all processes are ready."""
    first = 0.0
    while time.perf_counter() - began < 300:
        with suppress(OSError):
            health = json.loads(ask(port, "GET", "/healthz", wait=5)[2])
            first = first or time.perf_counter() - began
            if health["ready"] == health["workers"]:
                return first, time.perf_counter() - began
        time.sleep(0.02 if not first else 0.2)
    raise SystemExit("the processes did not become warm")


def share(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


def told(name: str, values: list[float]) -> str:
    if not values:
        return f"| {name} | 0 | | | |"
    return f"| {name} | {len(values)} | {statistics.median(values) * 1e3:.0f} | {share(values, 0.95) * 1e3:.0f} | {max(values) * 1e3:.0f} |"


def measure_start() -> None:
    with served() as (port, _, began):
        first, warm = wait_until_warm(port, began)
    print(f"start: first answer after {first:.2f} s, all processes warm after {warm:.2f} s")


def measure_strokes(photo: Path | None, count: int) -> None:
    if photo is None:
        from kontur.web.samples import available

        photo = available()["coffee"]
    picture = np.asarray(Pillow.open(photo).convert("RGB").resize((1024, 768), Pillow.Resampling.LANCZOS))
    chance = random.Random(0)
    fast: list[float] = []
    exact: list[float] = []
    with served() as (port, _, began):
        wait_until_warm(port, began)
        body, kind = form(png(picture))
        status, _, answer = ask(port, "POST", "/api/sessions", body, kind)
        assert status == 201, answer
        path = f"/api/sessions/{json.loads(answer)['session']}"
        for number in range(count):
            if number % 12 == 0:
                ask(port, "DELETE", f"{path}/prompts")
                marks: dict = {"boxes": [[256, 115, 820, 634]]}
            else:
                label = 1 + number % 2
                x, y = (
                    (chance.randint(420, 640), chance.randint(250, 480))
                    if label == 2
                    else (chance.randint(20, 220), chance.randint(20, 740))
                )
                line = [[x + k * chance.randint(2, 9), y + k * chance.randint(-4, 4)] for k in range(12)]
                marks = {"strokes": [{"label": label, "width": 9, "points": line}]}
            sent = time.perf_counter()
            status, _, answer = ask(port, "POST", f"{path}/prompts", json.dumps({**marks, "labels": "rgb24"}).encode())
            fast.append(time.perf_counter() - sent)
            assert status == 200, answer
            step = json.loads(answer)["step"]
            status, _, answer = ask(port, "GET", f"{path}/steps/{step}?labels=rgb24")
            exact.append(time.perf_counter() - sent)
            assert status == 200, answer
    print("| 1024x768, from the stroke | strokes | median ms | p95 ms | worst ms |\n|---|---|---|---|---|")
    print(told("first answer", fast))
    print(told("exact answer (after the first)", exact))


# --- load ---------------------------------------------------------------------------------------------------------------


def bomb(width: int, height: int) -> bytes:
    squeezer = zlib.compressobj(9)
    data = b"".join(squeezer.compress(b"\0" * (width + 1)) for _ in range(height)) + squeezer.flush()

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def hostile(port: int, which: int, good: bytes, black: bytes) -> str:
    """One hostile request; the status that came back, or how it ended."""
    if which < 3:
        content = (good[: len(good) // 2], black, b"#!/bin/sh\necho hello\n")[which]
        body, kind = form(content, method="otsu")
        return str(ask(port, "POST", "/api/segment", body, kind, wait=60)[0])
    body, kind = form(good, method="otsu")
    declared = len(body) * 2 if which == 3 else len(body)
    head = (
        f"POST /api/segment HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\nContent-Length: {declared}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=60) as line:
        if which == 3:  # half of what it promised, then away
            line.sendall(head.encode() + body)
            return "gone"
        line.sendall(head.encode() + body[:20])
        for byte in body[20:24]:  # a byte a second, then silence until the server has enough
            time.sleep(1)
            line.sendall(bytes([byte]))
        return line.recv(100).decode("latin-1").split(" ")[1]


def memory_of(root: int) -> tuple[int, int, int]:
    """Bytes held by the server, by the largest of its workers, and by all of them together (pages they share counted each time)."""
    children = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError, IndexError):
            if int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1]) == root:
                children.append(resident(int(entry.name)))
    server = resident(root)
    return server, max(children, default=0), server + sum(children)


def resident(process: int) -> int:
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def measure_load(clients: int, seconds: float) -> None:
    y, x = np.mgrid[:240, :320]
    noise = np.random.default_rng(0).integers(0, 20, (240, 320, 3))
    good = png(
        (noise + np.where(((x - 160) ** 2 + (y - 120) ** 2 < 4900)[..., None], (200, 120, 60), (30, 60, 110))).astype(
            np.uint8
        )
    )
    black = bomb(20_000, 20_000)
    answered: list[float] = []
    statuses: Counter[str] = Counter()
    lost: list[str] = []
    lock = threading.Lock()
    with served() as (port, process, began):
        wait_until_warm(port, began)
        before = memory_of(process)
        end = time.perf_counter() + seconds

        def good_client(number: int) -> None:
            fields = (
                {"method": "otsu"},
                {"method": "slic"},
                {"method": "grabcut", "prompts": '{"boxes": [[70, 40, 250, 200]]}'},
            )
            while time.perf_counter() < end:
                body, kind = form(good, **fields[number % 3])
                sent = time.perf_counter()
                for _ in range(200):
                    try:
                        status, headers, answer = ask(port, "POST", "/api/segment", body, kind)
                    except OSError as error:
                        with lock:
                            lost.append(type(error).__name__)
                        break
                    with lock:
                        statuses[f"good {status}"] += 1
                    if status == 429:
                        time.sleep(float(headers.get("Retry-After", 1)))
                        continue
                    if status == 200 and len(json.loads(answer)["segments"]) >= 2:
                        with lock:
                            answered.append(time.perf_counter() - sent)
                    else:
                        with lock:
                            lost.append(str(status))
                    break

        def hostile_client(number: int) -> None:
            while time.perf_counter() < end:
                try:
                    status = hostile(port, number % 5, good, black)
                except (OSError, IndexError) as error:
                    status = type(error).__name__
                time.sleep(0.1)
                with lock:
                    statuses[f"{('truncated', 'bomb', 'wrong type', 'lying length', 'slow')[number % 5]} {status}"] += 1

        threads = [
            threading.Thread(target=(good_client if n % 2 else hostile_client), args=(n // 2,), daemon=True)
            for n in range(clients)
        ]
        for thread in threads:
            thread.start()
        most = before
        while any(thread.is_alive() for thread in threads):
            most = tuple(map(max, most, memory_of(process)))
            time.sleep(0.2)
        after = memory_of(process)
        health = ask(port, "GET", "/healthz")[0]
    print(f"{clients} clients for {seconds:g} s: {len(answered)} good requests answered, {len(lost)} lost {lost[:5]}\n")
    print("| | requests | median ms | p95 ms | worst ms |\n|---|---|---|---|---|")
    print(told("good requests, with their waiting", answered))
    print(f"\nhealthz at the end: {health}\n\n| MB | before | at most | after |\n|---|---|---|---|")
    for name, *held in zip(("server", "largest worker", "all together"), before, most, after, strict=True):
        print(f"| {name} | {' | '.join(f'{value / 1e6:.0f}' for value in held)} |")
    print("\n| request | answer | count |\n|---|---|---|")
    for name, count in sorted(statuses.items()):
        what, _, status = name.rpartition(" ")
        print(f"| {what} | {status} | {count} |")
    if lost or not answered:
        raise SystemExit("good requests were lost")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", default=["start", "strokes", "load"])
    parser.add_argument("--photo", type=Path)
    parser.add_argument("--strokes", type=int, default=60)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=30)
    given = parser.parse_args()
    if "start" in given.what:
        measure_start()
    if "strokes" in given.what:
        measure_strokes(given.photo, given.strokes)
    if "load" in given.what:
        measure_load(given.clients, given.seconds)


if __name__ == "__main__":
    main()
