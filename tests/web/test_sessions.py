"""Sessions: strokes with a fast and an exact answer, undo, the tree that a browser cuts, exports, eviction."""

from __future__ import annotations

import base64
import io
import json
import time
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image as Pillow

from kontur.core.image import Image
from kontur.web import strokes
from kontur.web.channel import Upload
from kontur.web.limits import Limits, Problem
from kontur.web.pool import Task
from kontur.web.sessions import MOST_STEPS, Sessions, Step

from .conftest import disc, ids_of, png

BOX = {"boxes": [[80, 40, 240, 200]]}
BACK = {"strokes": [{"label": 1, "width": 7, "points": [[10, 10], [300, 12]]}]}
FRONT = {"strokes": [{"label": 2, "width": 7, "points": [[150, 115], [170, 125]]}]}


def test_exact_answers_are_those_of_the_class(client, session):
    from kontur.interactive.grabcut import GrabCut

    mirror = GrabCut(Image(disc(320, 240)), iterations=strokes._EXACT_ROUNDS)
    seeds, boxes = np.zeros((240, 320), np.uint8), ((80, 40, 240, 200),)
    for number, body in enumerate((BOX, BACK, FRONT), 1):
        first = client.post(f"{session}/prompts", json=body)
        assert (first.status_code, first.json()["step"], first.json()["exact"]) == (200, number, False)
        seeds = strokes.drawn(seeds.shape, body.get("strokes", []), seeds)
        marks = strokes.Marks(seeds, boxes)
        mirror.refine(marks.prompts)
        exact = client.get(f"{session}/steps/{number}", params={"labels": "rgb24"}).json()
        assert exact["exact"] is True
        assert np.array_equal(ids_of(exact["labels_png"]), marks.labels(mirror.labels))
        fast = ids_of(first.json()["labels_png"])
        both = (fast == 2) & (mirror.labels == 1)
        either = (fast == 2) | (mirror.labels == 1)
        assert both.sum() / either.sum() > 0.9
    assert exact["prompts"] == {"boxes": [[80, 40, 240, 200]], "strokes": 2, "points": 0}


def test_fast_answer_obeys_strokes_and_boxes():
    image = Image(disc(640, 480))
    canvas = strokes.Canvas(image)
    assert canvas.shrink > 1
    seeds = strokes.drawn(
        image.shape, [{"label": 1, "width": 15, "points": [[175, 95], [215, 95]]}], np.zeros(image.shape, np.uint8)
    )
    marks = strokes.Marks(seeds, ((160, 80, 480, 400),))
    labels = strokes.fast(canvas, marks, None, None)
    assert (labels[seeds == 1] == 1).all()
    outside = np.ones(image.shape, bool)
    outside[80:400, 160:480] = False
    assert (labels[outside] == 1).all()
    assert (labels == 2).sum() > 10_000


def test_large_images_are_cut_at_a_smaller_size_and_strokes_obeyed(monkeypatch):
    monkeypatch.setattr(strokes, "_EXACT_MOST", 20_000)
    monkeypatch.setattr(strokes, "_MIDDLE", 12_000)
    picture = disc(321, 241)
    canvas = strokes.Canvas(Image(picture))
    assert (canvas.reduce, canvas.step) == (3, 3)
    assert canvas.reduced.shape == (81, 107)
    means = picture[3:6, 6:9].mean((0, 1)) / 255
    assert np.allclose(canvas.reduced.pixels[1, 2], means, atol=1e-6)
    seeds = strokes.drawn(
        (241, 321), [{"label": 1, "width": 3, "points": [[100, 60], [110, 60]]}], np.zeros((241, 321), np.uint8)
    )
    marks = strokes.Marks(seeds, ((81, 41, 240, 200),))
    labels = strokes.exact(canvas, marks, None, None)
    assert (labels[seeds == 1] == 1).all()
    y, x = np.mgrid[:241, :321]
    truth = (x - 160) ** 2 + (y - 120) ** 2 < 60**2
    assert ((labels == 2) & truth).sum() / ((labels == 2) | truth).sum() > 0.97
    again = strokes.fast(canvas, marks, marks, labels)
    assert ((again == 2) & truth).sum() / ((again == 2) | truth).sum() > 0.9


def test_labels_keep_their_numbers_when_one_is_left_out():
    image = Image(disc(64, 48))
    parts = [{"label": 1, "width": 5, "points": [[2, 2], [60, 3]]}, {"label": 5, "width": 5, "points": [[32, 24]]}]
    marks = strokes.Marks(strokes.drawn(image.shape, parts, np.zeros(image.shape, np.uint8)), ())
    labels = strokes.exact(strokes.Canvas(image), marks, None, None)
    assert set(np.unique(labels)) == {1, 5}
    assert labels[24, 32] == 5


def test_a_stroke_is_as_wide_as_asked():
    seeds = strokes.drawn(
        (40, 60), [{"label": 3, "width": 9, "points": [[10, 20], [50, 20]]}], np.zeros((40, 60), np.uint8)
    )
    assert (seeds[:, 30] == 3).sum() == 9
    assert np.flatnonzero(seeds[20]).min() in (5, 6)
    point = strokes.drawn((9, 9), [{"label": 2, "width": 1, "points": [[4, 4]]}], np.zeros((9, 9), np.uint8))
    assert (point == 2).sum() == 1


def test_undo_goes_back_to_the_beginning(client, session):
    for body in (BOX, BACK):
        client.post(f"{session}/prompts", json=body)
    before = client.get(f"{session}/steps/2").json()
    client.post(f"{session}/prompts", json=FRONT)
    back = client.post(f"{session}/undo").json()
    assert (back["step"], back["exact"], back["labels_png"]) == (2, True, before["labels_png"])
    assert client.get(f"{session}/steps/3").status_code == 409
    assert client.post(f"{session}/undo").json()["step"] == 1
    empty = client.post(f"{session}/undo").json()
    assert (empty["step"], empty["segments"], empty["labels_png"]) == (0, [], None)
    assert client.post(f"{session}/undo").json() == {"error": "There is nothing to undo."}


def test_refused_prompts_change_nothing(client, session):
    client.post(f"{session}/prompts", json=BOX)
    for bad in (
        {"boxes": [[0, 0, 320, 240]]},
        {"boxes": [[5, 5, 5, 9]]},
        {"strokes": [{"label": 2, "points": [[-5, -5]]}]},
        {"strokes": [{"label": 2, "points": []}]},
        {"strokes": [{"label": 66, "points": [[1, 1]]}]},
        {"strokes": [{"label": 2, "width": 1e9, "points": [[1, 1]]}]},
        {"scribbles_png": "###"},
        {"scribbles_png": base64.b64encode(b"no picture").decode()},
        {"unknown": 1},
    ):
        answer = client.post(f"{session}/prompts", json=bad)
        assert (answer.status_code, set(answer.json())) == (422, {"error"}), bad
    assert client.get(session).json()["step"] == 1


def test_strokes_as_a_picture(client, session):
    marks = np.zeros((240, 320), np.uint8)
    marks[5:10, 20:300], marks[115:125, 150:170] = 1, 2
    answer = client.post(f"{session}/prompts", json={"scribbles_png": base64.b64encode(png(marks)).decode()})
    ids = ids_of(answer.json()["labels_png"])
    assert (ids[marks == 2] == 2).all()
    assert (ids[marks == 1] == 1).all()


def test_the_browser_cuts_the_tree_as_the_server_does(client, session):
    tree = client.post(f"{session}/contours", json={"method": "region_merging"}).json()
    leaf = ids_of(tree["leaves_png"])
    order = np.frombuffer(base64.b64decode(tree["order"]), "<i4")
    joints = np.frombuffer(base64.b64decode(tree["joints"]), "<f4")
    assert (len(order), len(joints), leaf.max()) == (tree["leaves"], tree["leaves"] - 1, tree["leaves"])
    for level in (0.0, 0.05, 0.3, 1.0):
        table = np.empty(len(order), int)
        table[order] = np.concatenate([[1], 1 + np.cumsum(joints > np.float32(level))])
        picture = client.get(f"{session}/results/{tree['result']}/labels", params={"level": level}).content
        assert np.array_equal(table[leaf - 1], np.asarray(Pillow.open(io.BytesIO(picture))))
    grey = Pillow.open(io.BytesIO(client.get(f"{session}/results/{tree['result']}/ultrametric").content))
    assert (grey.size, grey.mode[0]) == ((320, 240), "I")
    assert client.post(f"{session}/contours", json={"method": "otsu"}).status_code == 422


def test_every_export_can_be_read(client, session):
    client.post(f"{session}/prompts", json=BOX)
    files = {
        name: client.get(f"{session}/results/step1/{name}")
        for name in ("labels", "cutout", "overlay", "coco", "geojson", "json", "svg")
    }
    for answer in files.values():
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-disposition"].startswith('attachment; filename="kontur.')
    labels = np.asarray(Pillow.open(io.BytesIO(files["labels"].content)))
    cutout = Pillow.open(io.BytesIO(files["cutout"].content))
    assert cutout.mode == "RGBA"
    assert np.array_equal(np.asarray(cutout)[..., 3] > 0, labels == 2)
    coco = json.loads(files["coco"].content)
    assert [a["area"] for a in coco["annotations"]] == [int((labels == 2).sum())]
    assert coco["images"][0]["file_name"] == "disc.png"
    assert json.loads(files["geojson"].content)["type"] == "FeatureCollection"
    assert ElementTree.fromstring(files["svg"].content).tag.endswith("svg")
    assert client.get(f"{session}/results/step1/ultrametric").status_code == 422
    assert client.get(f"{session}/results/step2/labels").status_code == 404
    assert client.get(f"{session}/results/r9/labels").status_code == 404
    assert client.get(f"{session}/results/step1/exe").status_code == 422


def test_a_method_on_the_image_of_a_session(client, session):
    body = client.post(f"{session}/segment", json={"method": "otsu", "labels": "rgb24"}).json()
    assert (body["provenance"]["method"], len(body["segments"])) == ("otsu", 2)
    picture = client.get(f"{session}/results/{body['result']}/labels").content
    assert np.array_equal(np.asarray(Pillow.open(io.BytesIO(picture))), ids_of(body["labels_png"]))
    shown = Pillow.open(io.BytesIO(client.get(f"{session}/image.png").content))
    assert np.array_equal(np.asarray(shown), disc(320, 240))


def test_a_deleted_session_is_gone(client):
    made = client.post("/api/sessions", data={"sample": "coins"}).json()
    path = f"/api/sessions/{made['session']}"
    assert (made["width"], made["height"], made["bands"], made["step"]) == (384, 303, 1, 0)
    assert client.delete(path).status_code == 204
    for answer in (client.get(path), client.post(f"{path}/prompts", json=BOX), client.get(f"{path}/image.png")):
        assert answer.status_code == 404
        assert "load the image again" in answer.json()["error"]


def test_processes_let_go_of_the_image_of_a_deleted_session(client):
    pool = client.app.state.kontur.pool

    def held() -> set[str]:
        """Sessions whose images the quick process, or the other one, holds."""
        asked = [Task("test", {"what": "held"}, 60, True, None, only=slot.number) for slot in pool._slots]
        with pool._changed:
            pool._waiting.extend(asked)
            pool._changed.notify_all()
        return {name for task in asked for name in task.future.result(60)}

    files = {"image": ("a.png", png(disc(320, 240)), "image/png")}
    name = client.post("/api/sessions", files=files).json()["session"]
    client.post(f"/api/sessions/{name}/prompts", json=BOX)
    client.get(f"/api/sessions/{name}/steps/1")
    assert name in held()
    client.delete(f"/api/sessions/{name}")
    deadline = time.monotonic() + 30
    while name in held() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert name not in held()
    assert pool.waiting == 0


def test_the_least_recently_used_session_goes(client):
    files = {"image": ("a.png", png(disc(32, 24)), "image/png")}
    names = [client.post("/api/sessions", files=files).json()["session"] for _ in range(3)]
    assert client.get(f"/api/sessions/{names[0]}").status_code == 200  # used again: the second is now the oldest
    names.append(client.post("/api/sessions", files=files).json()["session"])
    assert [client.get(f"/api/sessions/{name}").status_code for name in names] == [200, 404, 200, 200]


def test_sessions_are_bounded_in_bytes_and_life():
    sessions = Sessions(Limits(sessions=10, held=1000, session_life=1000, workers=1))
    kept = []
    for _ in range(4):
        kept.append(sessions.add(Upload(b"x" * 400, "a", 1000)))
        kept[-1].facts = {"width": 1, "height": 1}
    assert len(sessions) == 2
    for session in kept:
        session.used -= 1001  # as if that time had gone by
    with pytest.raises(Problem) as refused:
        sessions.get(kept[-1].id)
    assert (refused.value.status, len(sessions)) == (404, 0)


def test_steps_are_bounded_and_keep_their_numbers():
    session = Sessions(Limits(workers=1)).add(Upload(b"", "a", 1000))
    for _ in range(MOST_STEPS + 5):
        session.keep(Step([], 0, 0, b"", b""))
    assert (session.step, len(session.steps), session.first) == (MOST_STEPS + 5, MOST_STEPS, 5)


def test_only_the_last_image_of_a_process_keeps_what_cuts_have_left(tmp_path):
    from kontur.web.work import pictures

    uploads = [Upload(png(disc(64, 48)), "a.png", 10_000, session=name) for name in ("one", "two")]
    try:
        canvases = [pictures.canvas_of(tmp_path, upload) for upload in uploads]
        box = strokes.Marks(np.zeros((48, 64), np.uint8), ((12, 8, 52, 40),))
        canvas = pictures.canvas_of(tmp_path, uploads[0])
        labels = strokes.exact(canvas, box, None, None)
        assert pictures.canvas_of(tmp_path, uploads[0]).exact_state is not None
        pictures.canvas_of(tmp_path, uploads[1])
        assert (canvas.exact_state, canvas.fast_state) == (None, None)
        again = pictures.canvas_of(tmp_path, uploads[0])
        assert again is canvases[0]
        assert np.array_equal(strokes.exact(again, box, None, None), labels)
    finally:
        pictures._canvases.clear()


def test_objects_are_drawn_as_the_command_line_draws_them(tmp_path):
    from kontur.core.instances import Instances
    from kontur.draw import draw_result, overlay
    from kontur.web.work import exports

    image = Image(disc(96, 72))
    masks = np.zeros((2, 72, 96), bool)
    masks[0, 10:50, 10:60], masks[1, 30:60, 40:80] = True, True
    result = Instances.from_masks(masks, shape=(72, 96), scores=[0.9, 0.8])
    drawn = np.asarray(Pillow.open(io.BytesIO(exports._file(tmp_path, "overlay", result, image))))
    assert np.array_equal(drawn, draw_result(image, result))
    assert not np.array_equal(drawn, overlay(image, result))


def test_one_session_is_bounded_in_bytes():
    session = Sessions(Limits(held=1000, workers=1)).add(Upload(b"x" * 100, "a", 1000))
    for _ in range(10):
        session.keep(Step([], 0, 0, b"s" * 50, b"l" * 50))
    assert (session.step, session.first, session.size) == (10, 1, 1000)
    session.keep_result("r1", b"k" * 150)  # two steps go for it
    assert (session.step, session.first, list(session.results), session.size) == (10, 3, ["r1"], 950)
    session.keep_result("r2", b"k" * 150)  # and the older result for this one
    assert (session.first, list(session.results), session.size) == (3, ["r2"], 950)
    session.keep_result("r3", b"k" * 1000)  # too large whatever goes; the last step stays
    assert (session.step, session.first, list(session.results), session.size) == (10, 9, [], 200)
