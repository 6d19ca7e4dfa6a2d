"""Jobs: progress as server-sent events, results in the order of the images, cancelling."""

from __future__ import annotations

import json
import time

import numpy as np

import kontur

from .conftest import disc, ids_of, png


def test_a_job_tells_its_progress_and_keeps_the_order(client):
    pictures = [disc(48, 36), 255 - disc(60, 40)]
    files = [("image", (f"{i}.png", png(p), "image/png")) for i, p in enumerate(pictures)]
    made = client.post("/api/jobs", files=files, data={"method": "otsu"})
    assert made.status_code == 202
    assert (made.json()["of"], made.json()["state"] in ("queued", "running")) == (2, True)
    path = f"/api/jobs/{made.json()['job']}"
    events = client.get(f"{path}/events").text.strip().split("\n\n")
    names = [e.split("\n")[0] for e in events]
    states = [json.loads(e.split("data: ")[1]) for e in events]
    assert names[-1] == "event: end"
    assert set(names[:-1]) <= {"event: progress"}
    fractions = [s["fraction"] for s in states]
    assert fractions == sorted(fractions)
    assert (states[-1]["state"], states[-1]["done"], fractions[-1]) == ("done", 2, 1.0)
    results = client.get(f"{path}/result").json()["results"]
    for result, picture in zip(results, pictures, strict=True):
        assert np.array_equal(ids_of(result["labels_png"]), kontur.segment(picture, "otsu").ids)


def test_cancelling_a_job_ends_it(client):
    pool = client.app.state.kontur.pool
    before = pool.submit("test", {"what": "sleep", "amount": 100})  # so that the job has to wait
    try:
        made = client.post("/api/jobs", files={"image": ("a.png", png(disc()), "image/png")}, data={"method": "otsu"})
        path = f"/api/jobs/{made.json()['job']}"
        assert client.get(f"{path}/result").status_code == 409
        assert client.delete(path).json()["state"] == "cancelled"
        assert client.get(path).json()["state"] == "cancelled"
        assert "cancelled" in client.get(f"{path}/result").json()["error"]
        assert pool.waiting == 0
    finally:
        pool.cancel(before)


def test_a_job_that_fails_says_why(client):
    files = [("image", ("a.png", png(disc()), "image/png")), ("image", ("b.png", b"nothing", "image/png"))]
    path = f"/api/jobs/{client.post('/api/jobs', files=files, data={'method': 'otsu'}).json()['job']}"
    deadline = time.monotonic() + 60
    while client.get(path).json()["state"] in ("queued", "running") and time.monotonic() < deadline:
        time.sleep(0.05)
    job = client.get(path).json()
    assert (job["state"], job["done"]) == ("failed", 1)
    assert "expected a JPEG" in job["error"]
    assert client.get(f"{path}/result").status_code == 409
