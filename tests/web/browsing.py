"""A real browser (Playwright with Debian's Chromium) on the page of a real server, and what the tests do with it."""

from __future__ import annotations

import io
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture

import kontur

STATIC = Path(kontur.__file__).parent / "web" / "static"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
TIMEOUT = 60_000  # milliseconds; machines that test are often busy

playwright = pytest.importorskip("playwright.sync_api", reason="the page's tests need Playwright: make test-web")
pytest.importorskip("fastapi", reason="the page's tests need the extra web: make test-web")
if CHROMIUM is None:
    pytest.skip("the page's tests need Chromium: make test-web, or apt-get install chromium", allow_module_level=True)

expect = playwright.expect
expect.set_options(timeout=TIMEOUT)


# --- a server, a browser, a page ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The address of `kontur serve` in a process of its own; at most 1 megapixel and 3 MB an image."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (tmp_path_factory.mktemp("server") / "log").open("w+")
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "kontur", "serve", "--port", str(port), "--workers", "1"),
            *("--max-upload", "3", "--max-pixels", "1", "--time-limit", "120"),
        ],
        stdout=log,
        stderr=log,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    address = f"http://127.0.0.1:{port}"
    for _ in range(600):
        try:
            urllib.request.urlopen(f"{address}/healthz", timeout=2)
            break
        except OSError:
            time.sleep(0.1)
            if process.poll() is not None:
                log.seek(0)
                pytest.fail(f"the server ended: {log.read()[-2000:]}")
    yield address
    process.terminate()
    process.wait(20)


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        yield started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])


def opened(browser, server, **settings):
    """A page that is ready; it fails the test at once on a script's error, and remembers what it asked for."""
    context = browser.new_context(**({"locale": "en-GB", "viewport": {"width": 1360, "height": 820}} | settings))
    context.set_default_timeout(TIMEOUT)
    # The samples' pictures take a while to decode and are not what is tested.
    context.route(
        re.compile(r"/api/samples/\w"), lambda route: route.fulfill(body=png(two_discs()), content_type="image/png")
    )
    page = context.new_page()
    page.asked, page.mistakes = [], []
    page.on("request", lambda request: page.asked.append(request))
    page.on("pageerror", lambda error: page.mistakes.append(str(error)))
    page.on("console", lambda line: line.type == "error" and page.mistakes.append(line.text))
    page.goto(server)
    expect(page.locator("html")).to_have_attribute("data-ready", "true")
    return page


@pytest.fixture
def page(browser, server):
    page = opened(browser, server)
    yield page
    page.context.close()
    # A refused request is told on the console by the browser itself; whatever else stands there is a mistake of ours.
    assert [text for text in page.mistakes if "Failed to load resource" not in text] == []


# --- pictures and what is done with them ------------------------------------------------------------------------------


def png(pixels):
    buffer = io.BytesIO()
    Picture.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def two_discs(width=240, height=160):
    """A yellow disc on the left, a blue one on the right, on a dark textured ground."""
    y, x = np.mgrid[:height, :width]
    pixels = np.full((height, width, 3), 40, np.uint8)
    pixels += np.random.default_rng(0).integers(0, 12, pixels.shape, dtype=np.uint8)
    pixels[(x - 60) ** 2 + (y - 80) ** 2 < 35**2] = (230, 200, 40)
    pixels[(x - 180) ** 2 + (y - 80) ** 2 < 35**2] = (60, 120, 240)
    return pixels


def upload(page, pixels, name="picture.png"):
    page.set_input_files("#file", files=[{"name": name, "mimeType": "image/png", "buffer": png(pixels)}])
    expect(page.locator("#image-name")).to_have_text(re.compile(f"^{re.escape(name)} · {pixels.shape[1]} × "))
    expect(page.locator("#empty")).to_be_hidden()


def screen(page, x, y):
    """Where a place of the image lies on the screen."""
    box = page.locator("#stage .picture").bounding_box()
    view = page.locator("svg.marks").get_attribute("viewBox").split()
    return box["x"] + x / int(view[2]) * box["width"], box["y"] + y / int(view[3]) * box["height"]


def drag(page, *places):
    page.mouse.move(*screen(page, *places[0]))
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*screen(page, *place), steps=4)
    page.mouse.up()


def step(page, number):
    """Wait for the exact answer to a step."""
    expect(page.locator("#stage")).to_have_attribute("data-step", f"{number} exact")


def downloaded(page, kind):
    with page.expect_download() as waiting:
        page.click(f'[data-format="{kind}"]')
    return Path(waiting.value.path()).read_bytes(), waiting.value.suggested_filename


def canvas_pixel(page, x, y, side="left"):
    script = "([s, x, y]) => [...document.querySelector(`canvas.${s}`).getContext('2d').getImageData(x, y, 1, 1).data]"
    return page.evaluate(script, [side, x, y])


def segments(page):
    return page.locator("#segments b").all_text_contents()
