"""Label Studio: its brush format, its shapes, and that no address but the given one is ever asked."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from kontur.core.errors import InputError
from kontur.web.fetching import image_of_task
from kontur.web.label_studio import control_of, decode_brush, encode_brush, prompts_of
from kontur.web.limits import Problem

from .conftest import disc, png

CONFIG = (
    '<View><Image name="image" value="$image"/><{tag} name="tag" toName="image"><Label value="Thing"/></{tag}></View>'
)


def reference_decoder(data: list[int]) -> list[int]:
    """The format read bit by bit, as it is specified; independent of the one in the package."""
    bits = [byte >> (7 - k) & 1 for byte in data for k in range(8)]
    at = 0

    def number(count):
        nonlocal at
        value = 0
        for bit in bits[at : at + count]:
            value = value * 2 + bit
        at += count
        return value

    total, word, out = number(32), number(5) + 1, []
    widths = [number(4) + 1 for _ in range(4)]
    while len(out) < total:
        repeated = number(1)
        count = 1 + number(widths[number(2)])
        out += [number(word)] * count if repeated else [number(word) for _ in range(count)]
    return out


@pytest.mark.parametrize("seed", range(4))
def test_brushes_go_there_and_back(seed):
    random = np.random.default_rng(seed)
    mask = random.random((13, 17)) < (0.02, 0.3, 0.9, 1.0)[seed]
    data = encode_brush(mask)
    rgba = np.array(reference_decoder(data)).reshape(13, 17, 4)
    assert np.array_equal(rgba, np.repeat(np.where(mask, 255, 0)[..., None], 4, axis=2))
    assert np.array_equal(decode_brush(data, (13, 17)), mask)


def test_long_runs_are_divided():
    mask = np.zeros((300, 400), bool)
    mask[1] = True
    assert np.array_equal(decode_brush(encode_brush(mask), (300, 400)), mask)


def test_brushes_of_single_values_are_read_and_damaged_ones_refused():
    # 1 x 1 pixel as four single values: 32 bits 4, word 8, widths 3 4 8 16, then 0, width 0, length 4 - 1, 4 values
    bits = f"{4:032b}{7:05b}{2:04b}{3:04b}{7:04b}{15:04b}0{0:02b}{3:03b}" + "11111111" * 4
    bits += "0" * (-len(bits) % 8)
    data = [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]
    assert decode_brush(data, (1, 1)).all()
    for bad in (data[:5], data[:9], [255] * 30, [300], []):
        with pytest.raises(ValueError, match="expected a mask"):
            decode_brush(bad, (1, 1))


def test_shapes_become_prompts():
    context = [
        {
            "type": "rectanglelabels",
            "value": {"x": 25, "y": 50, "width": 50, "height": 25, "rectanglelabels": ["Thing"]},
        },
        {"type": "keypointlabels", "value": {"x": 10, "y": 10, "width": 1}, "is_positive": False},
    ]
    given, label, _ = prompts_of(context, (80, 200))
    assert given == {"boxes": [[50, 40, 150, 60]], "points": [[20, 8, 1]]}
    assert label == "Thing"
    with pytest.raises(ValueError, match="percent"):
        prompts_of([{"type": "rectanglelabels", "value": {"x": "a"}}], (8, 8))


@pytest.mark.parametrize(
    "shape",
    [
        {"type": "rectanglelabels", "value": [1, 2]},
        {"type": "rectanglelabels", "value": "x"},
        {"type": "rectanglelabels", "value": {"x": [1]}},
        {"type": "rectanglelabels", "value": {"x": 1, "y": 1, "width": float("inf"), "height": 1}},
        {"type": "keypointlabels", "value": {"x": None, "y": {}}},
        {"type": "brushlabels", "value": {"rle": 10**9}},
        {"type": "brushlabels", "value": {"rle": "abc"}},
        {"type": "brushlabels", "value": {"rle": {"a": 1}}},
        {"type": ["brushlabels"], "value": 5},
    ],
)
def test_odd_shapes_are_refused_with_a_sentence(shape):
    with pytest.raises(InputError, match="expected"):
        prompts_of([shape], (8, 8))


@pytest.mark.parametrize("config", ["<View/>", "<View>", "nothing", '<!DOCTYPE a [<!ENTITY b "c">]><View>&b;</View>'])
def test_configurations_without_a_control_are_refused(config):
    with pytest.raises(ValueError, match="label_config"):
        control_of(config)


@pytest.mark.parametrize("tag", ["BrushLabels", "PolygonLabels", "RectangleLabels"])
def test_predict(client, tag):
    uri = "data:image/png;base64," + base64.b64encode(png(disc(96, 72))).decode()
    box = {
        "type": "rectanglelabels",
        "value": {"x": 20, "y": 14, "width": 60, "height": 72, "rectanglelabels": ["Thing"]},
    }
    body = {
        "tasks": [{"id": 1, "data": {"image": uri}}],
        "project": "1.1",
        "label_config": CONFIG.format(tag=tag),
        "params": {"context": {"result": [box]}},
    }
    answer = client.post("/predict", json=body)
    assert answer.status_code == 200, answer.text
    [prediction] = answer.json()["results"]
    [shape] = prediction["result"]
    assert (shape["from_name"], shape["to_name"], shape["type"]) == ("tag", "image", tag.lower())
    assert (shape["original_width"], shape["original_height"]) == (96, 72)
    value = shape["value"]
    assert value[tag.lower()] == ["Thing"]
    if tag == "BrushLabels":
        mask = decode_brush(value["rle"], (72, 96))
        assert mask[36, 48]
        assert not mask[2, 2]
        assert 900 < mask.sum() < 1150  # the disc has 1018 pixels
    elif tag == "PolygonLabels":
        x, y = np.array(value["points"]).T
        assert abs((x.max() - x.min()) * 0.96 - 36) < 4
        assert abs(y.mean() - 50) < 4
    else:
        assert abs(value["width"] * 0.96 - 35) <= 2
        assert abs(value["x"] * 0.96 - 31) <= 2


@pytest.mark.parametrize("kind", ["keypointlabels", "brushlabels"])
def test_marks_of_the_object_alone_are_answered(client, kind):
    y, x = np.mgrid[:72, :96]
    value = {"x": 50, "y": 50, "width": 1}
    if kind == "brushlabels":
        value = {"format": "rle", "rle": encode_brush((abs(y - 36) < 4) & (abs(x - 48) < 9))}
    body = {
        "tasks": [
            {"id": 1, "data": {"image": "data:image/png;base64," + base64.b64encode(png(disc(96, 72))).decode()}}
        ],
        "label_config": CONFIG.format(tag="BrushLabels"),
        "params": {"context": {"result": [{"type": kind, "value": value | {kind: ["Thing"]}, "is_positive": 1}]}},
    }
    answer = client.post("/predict", json=body)
    assert answer.status_code == 200, answer.text
    [prediction] = answer.json()["results"]
    assert prediction["model_version"] == "kontur clicks"
    mask = decode_brush(prediction["result"][0]["value"]["rle"], (72, 96))
    truth = (y - 36) ** 2 + (x - 48) ** 2 < 18**2
    assert (mask & truth).sum() / (mask | truth).sum() > 0.8


def test_health_setup_and_webhook(client):
    assert client.get("/health").json()["status"] == "UP"
    assert client.post("/setup", json={"extra_params": '{"method": "otsu"}'}).json() == {"model_version": "kontur otsu"}
    assert client.post("/setup", json={"extra_params": {"method": "grabcut"}}).json() == {
        "model_version": "kontur grabcut"
    }
    assert client.post("/setup", json={"extra_params": {"method": "../x"}}).status_code == 404
    for nothing in ({}, {"extra_params": {}}, {"extra_params": None}, {"extra_params": ""}):
        client.post("/setup", json={"extra_params": {"method": "otsu"}})
        assert client.post("/setup", json=nothing).json() == {"model_version": "kontur grabcut"}
    event = client.post("/webhook", json={"action": "ANNOTATION_CREATED", "project": {"id": 1}})
    assert (event.status_code, event.json()["status"]) == (201, "ok")
    unknown = client.post("/webhook", json={"action": "PROJECT_UPDATED"})
    assert (unknown.status_code, unknown.json()) == (200, {"status": "Unknown event"})
    assert client.post("/train", json={"annotations": [], "project": "1.1"}).status_code == 201


def test_smart_tools_beside_a_brush_ask_and_the_brush_answers():
    config = """<View><Image name="img" value="$photo"/>
      <RectangleLabels name="box" toName="img" smart="true"><Label value="Cat"/></RectangleLabels>
      <KeyPointLabels name="point" toName="img" smart="true"><Label value="Cat"/></KeyPointLabels>
      <BrushLabels name="mask" toName="img"><Label value="Cat"/><Label value="Dog"/></BrushLabels></View>"""
    assert control_of(config) == ("BrushLabels", "mask", "img", ["Cat", "Dog"])
    point = {"type": "keypointlabels", "value": {"x": 50, "y": 50, "width": 0.4, "keypointlabels": ["Dog"]}}
    for positive, label in ((1, 2), (0, 1), (True, 2), (False, 1)):
        given, chosen, _ = prompts_of([point | {"is_positive": positive}], (80, 200))
        assert (given["points"], chosen) == ([[100, 40, label]], "Dog")


def test_the_image_is_the_one_that_the_configuration_shows():
    def uri(content: bytes) -> str:
        return "data:image/png;base64," + base64.b64encode(content).decode()

    task = {"data": {"thumbnail": uri(b"small"), "photo": uri(b"large"), "note": "a text"}}
    shown = "<View><Image zoom='true' name=\"i\" value='$photo'/></View>"
    assert image_of_task(task, shown, 1000, None, "") == b"large"
    for other in (
        "",
        "<View/>",
        '<Image name="i" value="$missing"/>',
        "<Image " * 20_000,
        '<Image value="$' + "a" * 90_000,
    ):
        assert image_of_task(task, other, 1000, None, "") == b"small"


@pytest.mark.parametrize(
    "reference",
    [
        "http://169.254.169.254/latest/meta-data",
        "https://studio.example.evil/x.png",
        "http://studio.example/x.png",
        "//evil.example/x.png",
        "https://studio.example@evil.example/x.png",
        "file:///etc/passwd",
        "/etc/passwd",
        "http://[x/a.png",
        "//[",
        "https://studio.example\u2100.evil/x.png",
        "/\ud800.png",
        "data:image/png;base64,###",
        "data:text/plain,hello",
    ],
)
def test_no_other_address_is_asked(reference, monkeypatch):
    import urllib.request

    def never(*arguments, **named):
        raise AssertionError("asked")

    monkeypatch.setattr(urllib.request.OpenerDirector, "open", never)
    address = None if reference.startswith("/e") else "https://studio.example"
    with pytest.raises(Problem) as refused:
        image_of_task({"data": {"image": reference}}, "", 1000, address, "key")
    assert refused.value.status == 422


@pytest.mark.parametrize(
    ("reference", "asked"),
    [
        ("/data/upload/my cat.png", "/data/upload/my%20cat.png"),
        ("/data/upload/my%20cat.png", "/data/upload/my%20cat.png"),
        ("/data/upload/猫ü.png", "/data/upload/%E7%8C%AB%C3%BC.png"),
        ("/data/local-files/?d=a b/猫.png&x=1", "/data/local-files/?d=a%20b/%E7%8C%AB.png&x=1"),
        ("/data/\x01\x7f.png", "/data/%01%7F.png"),
    ],
)
def test_names_of_files_are_quoted(reference, asked):
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from threading import Thread

    class Studio(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(self.path.encode())

        def log_message(self, *arguments):
            pass

    with HTTPServer(("127.0.0.1", 0), Studio) as studio:
        Thread(target=studio.handle_request, daemon=True).start()
        address = f"http://127.0.0.1:{studio.server_port}"
        assert image_of_task({"data": {"image": reference}}, "", 1000, address, "key") == asked.encode()


def test_a_studio_that_speaks_no_http_is_a_refusal():
    import socket
    from threading import Thread

    def babble(listening):
        line = listening.accept()[0]
        line.recv(65536)
        line.sendall(b"babble\r\n\r\n")
        line.close()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        Thread(target=babble, args=(listening,), daemon=True).start()
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with pytest.raises(Problem) as refused:
            image_of_task({"data": {"image": "/a.png"}}, "", 1000, address, "")
    assert refused.value.status == 422
