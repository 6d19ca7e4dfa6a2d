"""The contract of docs/web.md: routes, forms of answers, nothing outside the static folder."""

from __future__ import annotations

import json

import numpy as np
import pytest

import kontur
from kontur import registry
from kontur.web import answers, create_app

from .conftest import disc, ids_of, png


def segment(client, pixels=None, **data):
    content = png(disc() if pixels is None else pixels)
    return client.post("/api/segment", files={"image": ("a.png", content, "image/png")}, data=data)


def test_segment_gives_what_the_library_gives(client):
    answer = segment(client, method="slic", options='{"segments": 12}')
    assert answer.status_code == 200
    body = answer.json()
    truth = kontur.segment(disc(), "slic", segments=12)
    assert np.array_equal(ids_of(body["labels_png"]), truth.ids)
    assert [s["area"] for s in body["segments"]] == [s.area for s in truth.segments]
    assert body["provenance"]["method"] == "slic"
    assert body["provenance"]["options"]["segments"] == 12
    assert {"segments", "labels_png", "provenance", "task", "width", "height", "background", "taxonomy"} == set(body)


def test_without_a_method_the_default_one_is_taken(client):
    body = segment(client).json()  # a network, where this build has one: it must fit into the memory of a worker
    truth = kontur.segment(disc(), registry.default()[0])
    assert body["provenance"]["method"] == registry.default()[0]
    assert np.array_equal(ids_of(body["labels_png"]), truth.ids)


def test_rgb24_holds_ids_that_a_canvas_would_lose(client):
    noise = np.random.default_rng(0).integers(0, 255, (40, 40, 3)).astype(np.uint8)
    body = segment(client, noise, method="slic", options='{"segments": 1600}', labels="rgb24").json()
    ids = ids_of(body["labels_png"])
    assert ids.max() > 255
    assert sorted(np.unique(ids).tolist()) == [s["id"] for s in body["segments"]]


def test_boxes_and_points_of_one_call(client):
    prompts = json.dumps({"boxes": [[20, 10, 76, 62]]})
    body = segment(client, method="grabcut", prompts=prompts).json()
    truth = kontur.segment(disc(), "grabcut", box=(20, 10, 76, 62))
    assert np.array_equal(ids_of(body["labels_png"]), truth.ids)
    points = json.dumps({"points": [[2, 2, 1], [48, 36, 2]]})
    body = segment(client, method="random_walker", prompts=points).json()
    truth = kontur.segment(disc(), "random_walker", point=[(2, 2, 1), (48, 36, 2)])
    assert np.array_equal(ids_of(body["labels_png"]), truth.ids)


def test_methods_are_the_registry_with_its_options(client):
    body = client.get("/api/methods").json()
    assert [m["name"] for m in body["methods"]] == [row.name for row in registry.rows()]
    slic = next(m for m in body["methods"] if m["name"] == "slic")
    assert [{k: v for k, v in o.items() if k != "optional"} for o in slic["options"]] == [
        o.to_dict() for o in registry.get("slic").options
    ]
    assert slic["summary"].startswith("Superpixels")
    assert body["default"] == registry.default()[0]


def test_samples_come_with_scikit_image(client):
    listed = client.get("/api/samples").json()["samples"]
    assert {
        "name": "coffee",
        "title": "A cup of coffee",
        "width": 600,
        "height": 400,
        "url": "/api/samples/coffee",
    } in listed
    for sample in listed:
        answer = client.get(sample["url"])
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("image/")


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static/%2e%2e%2f%2e%2e%2fregistry.py",
        "/static//etc/passwd",
        "/static/..\\app.py",
        "/static/a%00.js",
        "/static/",
        "/api/samples/..%2f__init__.py",
        "/api/sessions/none",
        "/api/jobs/none",
    ],
)
def test_unknown_and_escaping_paths_are_404(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert set(answer.json()) == {"error"}


def test_a_link_out_of_the_static_folder_is_not_followed(client, tmp_path, monkeypatch):
    from kontur.web.routes import page

    folder = tmp_path / "static"
    folder.mkdir()
    (folder / "good.js").write_text("1")
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    monkeypatch.setattr(page, "STATIC", folder)
    assert client.get("/static/good.js").headers["content-type"] == "text/javascript; charset=utf-8"
    assert client.get("/static/link.txt").status_code == 404


def test_health_metrics_and_limits(client):
    health = client.get("/healthz")
    assert (health.status_code, health.json()["status"]) == (200, "ok")
    client.get("/nothing")
    text = client.get("/metrics").text
    parser = pytest.importorskip("prometheus_client.parser", reason="needs the extra 'web'")
    values = {
        (s.name, *sorted(s.labels.items())): s.value
        for f in parser.text_string_to_metric_families(text)
        for s in f.samples
    }
    asked = ("method", "GET"), ("route", "/healthz"), ("status", "200")
    assert values["kontur_requests_total", *asked] >= 1
    assert values["kontur_request_seconds_bucket", ("le", "+Inf"), ("route", "/healthz")] >= 1
    assert values["kontur_ended_total", ("cause", "time")] == 0
    assert values["kontur_workers_ready",] >= 1
    assert client.get("/api/limits").json()["max_upload"] == 2_000_000


def test_every_answer_has_the_security_headers(client):
    for path in ("/healthz", "/nothing", "/api/samples/coffee"):
        headers = client.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'self'")
        assert headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in headers


def test_openapi_has_examples_and_the_form_of_errors(client):
    api = client.get("/openapi.json").json()
    success = api["paths"]["/api/segment"]["post"]["responses"]["200"]["content"]["application/json"]
    assert {"segments", "labels_png", "provenance"} <= set(success["example"])
    assert api["paths"]["/api/segment"]["post"]["responses"]["413"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/Error"
    }
    assert "/docs" not in api["paths"]  # it would load scripts of another origin
    assert client.get("/docs").status_code == 404


@pytest.mark.parametrize(
    ("data", "status", "says"),
    [
        ({"method": "otsuu"}, 404, "Did you mean 'otsu'?"),
        ({"method": "/etc/passwd"}, 404, "no method named"),
        ({"method": "../model.onnx"}, 404, "no method named"),
        ({"method": "hf:facebook/sam"}, 404, "no method named"),
        ({"method": "slic", "options": '{"segments": -1}'}, 422, "expected a whole number, 1..100000 regions, got -1"),
        ({"method": "slic", "options": '{"segmnts": 3}'}, 422, "Did you mean 'segments'?"),
        ({"method": "slic", "options": '{"segments": NaN}'}, 422, "expected a number"),
        ({"method": "slic", "options": '{"segments": [1]}'}, 422, "expected a number"),
        ({"method": "slic", "options": "[1]"}, 422, "expected a JSON object"),
        ({"method": "slic", "options": "{"}, 400, "expected a JSON object"),
        ({"method": "slic", "options": "[" * 100_000}, 400, "expected a JSON object"),
        ({"method": "slic", "options": '{"box": 1}'}, 422, "is no option of slic"),
        ({"method": "slic", "prompts": '{"boxes": [[1, 1, 20, 20]]}'}, 422, "takes no box"),
        ({"method": "grabcut", "prompts": '{"boxes": [[1, 1, 2000, 20]]}'}, 422, "expected to lie inside the image"),
        (
            {"method": "grabcut", "prompts": '{"strokes": [{"label": 0, "points": [[1, 1]]}]}'},
            422,
            "greater than or equal to 1",
        ),
        ({"method": "graph_cut"}, 422, "needs a prompt"),
        ({"labels": "colour"}, 422, "labels"),
    ],
)
def test_bad_requests_answer_with_one_sentence(client, data, status, says):
    answer = segment(client, **data)
    assert (answer.status_code, set(answer.json())) == (status, {"error"})
    assert says in answer.json()["error"]
    assert "\n" not in answer.json()["error"]


@pytest.mark.parametrize("path", ["/", "/healthz"])
def test_head_answers_as_get_without_a_body(client, path):
    head, get = client.head(path), client.get(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]


def test_every_example_fulfils_its_schema():
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    seen = 0
    for path in (api := create_app().openapi())["paths"].values():
        for operation in path.values():
            for answer in operation["responses"].values():
                for content in answer.get("content", {}).values():
                    if "example" in content:
                        schema = content["schema"] | {"components": api["components"]}
                        jsonschema.validate(content["example"], schema)
                        seen += 1
    assert seen > 15
    example = api["paths"]["/api/segment"]["post"]["responses"]["200"]["content"]["application/json"]["example"]
    assert example["labels_png"] == "iVBORw0KGgo.."


def test_what_workers_answer_is_what_the_models_say(client):
    """The answers that are passed on as the workers made them, held to the models that describe them."""
    answers.Result.model_validate(segment(client, method="otsu").json())
    answers.Methods.model_validate(client.get("/api/methods").json())
    opened = client.post("/api/sessions", files={"image": ("a.png", png(disc()), "image/png")}).json()
    session = f"/api/sessions/{answers.SessionState.model_validate(opened).session}"
    answers.KeptResult.model_validate(client.post(f"{session}/segment", json={"method": "slic"}).json())
    answers.Tree.model_validate(client.post(f"{session}/contours", json={"method": "region_merging"}).json())
    answers.Step.model_validate(client.post(f"{session}/prompts", json={"boxes": [[20, 10, 76, 62]]}).json())
    answers.Step.model_validate(client.post(f"{session}/undo").json())


def test_a_body_of_another_type_lacks_its_image(client):
    answer = client.post("/api/segment", content=b"\x89PNG", headers={"content-type": "image/png"})
    assert (answer.status_code, answer.json()["error"]) == (422, "image: field required")
    broken = client.post("/api/segment", content=b"x", headers={"content-type": "multipart/form-data"})
    assert broken.status_code == 400
