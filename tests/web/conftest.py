"""A server of small limits, shared by the tests of one run: its processes take seconds to warm up."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

pytest.importorskip("fastapi", reason="the extra web is not installed")
pytest.importorskip("httpx", reason="httpx, of the extra dev, is not installed")

from fastapi.testclient import TestClient

from kontur.web import Limits, create_app

os.environ["KONTUR_MORE_WORK"] = str(Path(__file__).with_name("misbehaviour.py"))  # the work "test"
LIMITS = Limits(
    max_upload=2_000_000,
    max_pixels=1_000_000,
    time_limit=120,
    memory_limit=1_500_000_000,
    queue=8,
    sessions=3,
    workers=1,
)


@pytest.fixture(scope="session")
def client():
    with TestClient(create_app(LIMITS)) as client:
        yield client


def disc(width: int = 96, height: int = 72) -> np.ndarray:
    """A bright disc on a dark ground, (H, W, 3) uint8, with a little noise."""
    y, x = np.mgrid[:height, :width]
    inside = (x - width // 2) ** 2 + (y - height // 2) ** 2 < (height // 4) ** 2
    noise = np.random.default_rng(1).integers(0, 20, (height, width, 3))
    return (noise + np.where(inside[..., None], (200, 120, 60), (30, 60, 110))).astype(np.uint8)


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Pillow.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def ids_of(text: str) -> np.ndarray:
    """The ids of a label map in base64, in either form."""
    import base64

    pixels = np.asarray(Pillow.open(io.BytesIO(base64.b64decode(text, validate=True)))).astype(np.int64)
    return pixels if pixels.ndim == 2 else pixels[..., 0] + 256 * pixels[..., 1] + 65536 * pixels[..., 2]


@pytest.fixture
def session(client):
    """A session with the disc; deleted afterwards."""
    made = client.post("/api/sessions", files={"image": ("disc.png", png(disc(320, 240)), "image/png")})
    assert made.status_code == 201, made.text
    name = made.json()["session"]
    yield f"/api/sessions/{name}"
    client.delete(f"/api/sessions/{name}")
