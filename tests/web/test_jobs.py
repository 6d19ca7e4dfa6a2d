"""Jobs: progress as server-sent events, results in the order of the images, cancelling."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest

import kontur
from kontur.web.channel import Upload
from kontur.web.jobs import Jobs
from kontur.web.limits import Limits, Problem
from kontur.web.pool import Task

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


@pytest.mark.parametrize(
    ("data", "status"),
    [
        ({"method": "otsuu"}, 404),
        ({"method": "slic", "options": '{"segments": -1}'}, 422),
        ({"method": "slic", "options": '{"segmnts": 3}'}, 422),
        ({"method": "slic", "options": '{"mask": 3}'}, 422),
        ({"method": "slic", "options": "{"}, 400),
        ({"method": "slic", "prompts": '{"boxes": [[1, 1, 9, 9]]}'}, 422),
        ({"method": "random_walker"}, 422),
    ],
)
def test_what_no_image_can_mend_is_refused_at_once(client, data, status):
    file = ("a.png", png(disc()), "image/png")
    job, one = (client.post(f"/api/{path}", files={"image": file}, data=data) for path in ("jobs", "segment"))
    assert (job.status_code, job.json()) == (status, one.json())


def test_a_job_that_fails_says_why(client):
    files = [("image", ("a.png", png(disc()), "image/png")), ("image", ("b.png", b"nothing", "image/png"))]
    path = f"/api/jobs/{client.post('/api/jobs', files=files, data={'method': 'otsu'}).json()['job']}"
    job = ended(client, path)
    assert (job["state"], job["done"]) == ("failed", 1)
    assert "expected a JPEG" in job["error"]
    assert client.get(f"{path}/result").status_code == 409


def ended(client, path: str) -> dict:
    deadline = time.monotonic() + 60
    while (job := client.get(path).json())["state"] in ("queued", "running") and time.monotonic() < deadline:
        time.sleep(0.05)
    return job


def test_a_result_has_the_exports_of_a_session(client):
    pictures = [disc(48, 36), 255 - disc(60, 40)]
    files = [("image", (f"{i}.png", png(p), "image/png")) for i, p in enumerate(pictures)]
    path = f"/api/jobs/{client.post('/api/jobs', files=files, data={'method': 'otsu'}).json()['job']}"
    assert ended(client, path)["state"] == "done"
    assert [r["result"] for r in client.get(f"{path}/result").json()["results"]] == ["r1", "r2"]
    session = client.post("/api/sessions", files={"image": ("1.png", png(pictures[1]), "image/png")}).json()["session"]
    same = client.post(f"/api/sessions/{session}/segment", json={"method": "otsu"}).json()["result"]
    for form in ("labels", "cutout", "overlay", "coco", "geojson", "svg"):
        mine = client.get(f"{path}/results/r2/{form}")
        theirs = client.get(f"/api/sessions/{session}/results/{same}/{form}")
        assert (mine.status_code, theirs.status_code) == (200, 200), mine.text
        assert mine.headers["content-disposition"] == theirs.headers["content-disposition"]
        if form != "coco":  # which has the time of its making
            assert mine.content == theirs.content, form
    coco = client.get(f"{path}/results/r2/coco").json()
    assert coco["images"][0]["file_name"] == "1.png"
    assert [a["area"] for a in coco["annotations"]] == [int((kontur.segment(pictures[1], "otsu").ids == 2).sum())]
    assert client.get(f"{path}/results/r1/labels").content != client.get(f"{path}/results/r2/labels").content
    for wrong, status in (("r3/labels", 404), ("r0/labels", 404), ("x/labels", 404), ("r1/ultrametric", 422)):
        answer = client.get(f"{path}/results/{wrong}")
        assert (answer.status_code, set(answer.json())) == (status, {"error"}), wrong
    assert client.delete(path).json()["state"] == "done"
    assert client.get(f"{path}/results/r1/labels").status_code == 404
    assert client.get(path).status_code == 404


def test_what_a_failed_job_has_done_can_be_had(client):
    files = [("image", ("a.png", png(disc()), "image/png")), ("image", ("b.png", b"nothing", "image/png"))]
    path = f"/api/jobs/{client.post('/api/jobs', files=files, data={'method': 'otsu'}).json()['job']}"
    assert ended(client, path)["state"] == "failed"
    assert client.get(f"{path}/results/r1/labels").status_code == 200
    refused = client.get(f"{path}/results/r2/labels")
    assert (refused.status_code, "expected a JPEG" in refused.json()["error"]) == (409, True)


class ByHand:
    """A pool whose work ends when the test says so. at_once: how many bytes of an answer, and of exports, come at once."""

    def __init__(self, at_once: int | None = None) -> None:
        self.at_once, self.tasks = at_once, []

    def submit(self, kind, payload, **_):
        self.tasks.append(Task(kind, payload, 1.0, False, None))
        if self.at_once is not None:
            self.finish(self.at_once)
        return self.tasks[-1]

    def finish(self, size: int, of: int = -1) -> None:
        self.tasks[of].future.set_result((b"x" * size, b"y" * size))


def test_ended_jobs_make_room_and_grow_old():
    jobs = Jobs(Limits(jobs=3, held=1000, session_life=1000, workers=1), ByHand(10))
    made = [jobs.add([Upload(b"z" * 400, "a", 1000)], {}) for _ in range(2)]
    assert [job.state for job in made] == ["done", "done"]
    for job in made:
        job.result("r1")
    jobs.get(made[0].id)  # used again: now the second is the oldest
    made.append(jobs.add([Upload(b"z" * 400, "a", 1000)], {}))
    assert len(jobs) == 2
    with pytest.raises(Problem):
        jobs.get(made[1].id)
    made[2].result("r1")
    made.append(jobs.add([Upload(b"z" * 800, "a", 1000), Upload(b"z", "b", 1000)], {}))
    with pytest.raises(Problem) as refused:
        made[-1].result("r3")
    assert refused.value.status == 404
    made.append(jobs.get(jobs.add([Upload(b"z", "a", 1000)], {}).id))
    for job in made:
        job.used -= 1001  # as if that time had gone by
    jobs.tidy()
    assert len(jobs) == 0


def test_a_job_that_has_just_ended_stays_until_its_result_is_read():
    pool = ByHand()
    jobs = Jobs(Limits(jobs=3, held=1000, workers=1), pool)
    done = jobs.add([Upload(b"z" * 100, "a", 1000)], {})
    pool.finish(50)
    jobs.add([Upload(b"z" * 800, "b", 1000)], {})  # it runs, and what may be held is full
    assert jobs.get(done.id).state == "done"
    with pytest.raises(Problem) as refused:
        jobs.add([Upload(b"z" * 100, "c", 1000)], {})
    assert refused.value.status == 429
    assert jobs.get(done.id).result("r1")[1] == b"y" * 50
    jobs.add([Upload(b"z" * 100, "c", 1000)], {})
    with pytest.raises(Problem) as gone:
        jobs.get(done.id)
    assert gone.value.status == 404


def test_a_job_that_nobody_asks_for_stays_a_minute_only():
    jobs = Jobs(Limits(jobs=1, workers=1), ByHand(10))
    first = jobs.add([Upload(b"z", "a", 1000)], {})
    with pytest.raises(Problem):
        jobs.add([Upload(b"z", "a", 1000)], {})
    first.ended -= 61
    jobs.add([Upload(b"z", "a", 1000)], {})
    with pytest.raises(Problem):
        jobs.get(first.id)


def test_jobs_that_run_are_bounded_in_bytes():
    pool = ByHand()
    jobs = Jobs(Limits(held=1000, workers=1), pool)
    one = jobs.add([Upload(b"z" * 100, "a", 1000)] * 3, {})
    other = jobs.add([Upload(b"z" * 100, "b", 1000)] * 2, {})
    pool.finish(150, 0)
    assert (one.state, one.size, other.size) == ("queued", 600, 200)
    pool.finish(150, 2)  # the second image of the first job: 300 bytes more do not fit
    assert (one.state, one.size, len(pool.tasks)) == ("failed", 400, 3)
    assert "MB together" in one.error
    assert one.result("r1")[1] == b"y" * 150  # what was there before can be had
    pool.finish(10, 1)
    pool.finish(10, 3)
    assert (other.state, len(jobs)) == ("done", 2)


def test_a_job_that_the_queue_has_no_room_for_is_not_kept():
    class Full:
        def submit(self, *_, **__):
            raise Problem(429, "full")

    jobs = Jobs(Limits(workers=1), Full())
    with pytest.raises(Problem):
        jobs.add([Upload(b"z", "a", 1000)], {})
    assert len(jobs) == 0
