"""5,000 generated requests against /openapi.json: none may answer 500 or end in a bug of a worker, every error has the one form.

Three of four requests to sessions and jobs go to one that exists, every second image is one, every third method exists and is
quick, and every second task of Label Studio has a picture and a configuration: so they get beyond the first door.
"""

from __future__ import annotations

import base64
import json
import os
import time
from collections import Counter
from urllib.request import Request, urlopen

import pytest

from .conftest import disc, png
from .test_limits import serving

_REQUESTS = int(os.environ.get("KONTUR_WEB_REQUESTS", "5000"))
_SECONDS = 120
_CONFIG = (
    '<View><Image name="i" value="$image"/><BrushLabels name="b" toName="i"><Label value="A"/></BrushLabels></View>'
)


@pytest.mark.slow
def test_generated_requests_never_answer_500():
    schemathesis = pytest.importorskip("schemathesis")
    hypothesis = pytest.importorskip("hypothesis")
    sent: Counter[int] = Counter()
    of_operation: Counter[str] = Counter()
    succeeded: Counter[str] = Counter()
    picture = png(disc(64, 48))
    task = {"id": 1, "data": {"image": "data:image/png;base64," + base64.b64encode(picture).decode()}}
    alive = {"session": {"result": "r1", "step": 1}, "job": {"result": "r1"}}

    with serving(limits={"time_limit": 20.0, "max_pixels": 1_000_000}) as (host, port):
        address = f"http://{host}:{port}"

        def posted(path: str, body: bytes, kind: str) -> dict:
            with urlopen(Request(address + path, body, {"content-type": kind}), timeout=_SECONDS) as answer:
                return json.load(answer)

        def uploaded(path: str) -> dict:
            body = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n' + picture
            method = b'\r\n--x\r\nContent-Disposition: form-data; name="method"\r\n\r\notsu\r\n--x--\r\n'
            return posted(path, body + method, "multipart/form-data; boundary=x")

        def open_session() -> None:
            """A session with a box, one step, and a result of a method."""
            alive["session"]["session_id"] = name = uploaded("/api/sessions")["session"]
            body = json.dumps({"boxes": [[10, 8, 54, 40]]}).encode()
            posted(f"/api/sessions/{name}/prompts", body, "application/json")
            posted(f"/api/sessions/{name}/segment", b'{"method": "otsu"}', "application/json")

        def open_job() -> None:
            """A job that is done."""
            alive["job"]["job_id"] = name = uploaded("/api/jobs")["job"]
            deadline = time.monotonic() + _SECONDS
            while time.monotonic() < deadline:
                with urlopen(f"{address}/api/jobs/{name}", timeout=_SECONDS) as answer:
                    if json.load(answer)["state"] == "done":
                        return
                time.sleep(0.05)

        def explore(operation, count: int, fixed: bool) -> None:
            @hypothesis.given(case=operation.as_strategy())
            @hypothesis.settings(
                max_examples=count,
                deadline=None,
                database=None,
                derandomize=fixed,
                suppress_health_check=list(hypothesis.HealthCheck),
            )
            def ask(case):
                number = sent.total()
                for kind in ("session", "job"):
                    if number % 4 and f"{kind}_id" in (case.path_parameters or {}):
                        case.path_parameters.update({k: v for k, v in alive[kind].items() if k in case.path_parameters})
                if isinstance(case.body, dict):
                    if number % 2 and "image" in case.body:
                        case.body["image"] = [picture] if isinstance(case.body["image"], list) else picture
                    if number % 3 == 0 and "sample" in case.body:
                        case.body = {"sample": "coins"}
                    if number % 2 and "tasks" in case.body:
                        case.body.update(tasks=[task], label_config=_CONFIG)
                    if number % 3 == 0 and "method" in case.body:
                        case.body["method"] = "region_merging" if case.path.endswith("/contours") else "otsu"
                answer = case.call(base_url=address, timeout=_SECONDS)
                sent[answer.status_code] += 1
                of_operation[operation.label] += 1
                succeeded[operation.label] += answer.status_code < 300
                assert answer.status_code != 500, (case.method, case.formatted_path)
                assert not (answer.status_code == 503 and "should not" in answer.text), (case.formatted_path, case.body)
                if answer.status_code >= 400 and case.method != "HEAD":
                    assert set(answer.json()) == {"error"}
                if operation.label == "POST /api/jobs" and answer.status_code == 202:  # its place is wanted again
                    job = f"{address}/api/jobs/{answer.json()['job']}"
                    urlopen(Request(job, method="DELETE"), timeout=_SECONDS).close()
                if case.method == "DELETE" and answer.status_code == 204:
                    open_session()
                elif case.method == "DELETE" and answer.status_code == 200:
                    open_job()

            ask()

        open_session()
        open_job()
        schema = schemathesis.openapi.from_url(f"{address}/openapi.json", timeout=_SECONDS)
        operations = [found.ok() for found in schema.get_all_operations()]
        each = -(-_REQUESTS // len(operations))
        for operation in operations:
            open_job()  # those that earlier operations have made push others out
            explore(operation, each, fixed=True)
        while sent.total() < _REQUESTS:  # operations without parameters have few different requests
            for operation in operations:
                explore(operation, each, fixed=False)
    print(f"\n{sent.total()} requests over {len(operations)} operations: {dict(sorted(sent.items()))}")
    for name, count in sorted(of_operation.items()):
        print(f"  {name}: {count}, {succeeded[name]} with success")
    assert len(of_operation) == len(operations)
    assert sent[200] > _REQUESTS / 20
