"""5,000 generated requests against /openapi.json: none may answer 500, every error has the one form.

Three of four requests go to a session that exists, and every second image is one, so that they get beyond the first door.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from urllib.request import Request, urlopen

import pytest

from .conftest import disc, png
from .test_limits import serving

_REQUESTS = int(os.environ.get("KONTUR_WEB_REQUESTS", "5000"))
_SECONDS = 120


@pytest.mark.slow
def test_generated_requests_never_answer_500():
    schemathesis = pytest.importorskip("schemathesis")
    hypothesis = pytest.importorskip("hypothesis")
    sent: Counter[int] = Counter()
    picture = png(disc(64, 48))
    alive = {"session_id": "", "result": "step1", "step": 1}

    with serving(limits={"time_limit": 20.0, "max_pixels": 1_000_000}) as (host, port):
        address = f"http://{host}:{port}"

        def open_session() -> None:
            """A session with a box, one step."""
            body = (
                b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
                + picture
                + b"\r\n--x--\r\n"
            )
            kind = {"content-type": "multipart/form-data; boundary=x"}
            with urlopen(Request(f"{address}/api/sessions", body, kind), timeout=_SECONDS) as answer:
                alive["session_id"] = json.load(answer)["session"]
            body = json.dumps({"boxes": [[10, 8, 54, 40]]}).encode()
            path = f"{address}/api/sessions/{alive['session_id']}/prompts"
            urlopen(Request(path, body, {"content-type": "application/json"}), timeout=_SECONDS).close()

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
                if number % 4 and "session_id" in (case.path_parameters or {}):
                    case.path_parameters.update({k: v for k, v in alive.items() if k in case.path_parameters})
                if number % 2 and isinstance(case.body, dict) and isinstance(case.body.get("image"), bytes):
                    case.body["image"] = picture
                answer = case.call(base_url=address, timeout=_SECONDS)
                sent[answer.status_code] += 1
                assert answer.status_code != 500, (case.method, case.formatted_path)
                if answer.status_code >= 400 and case.method != "HEAD":
                    assert set(answer.json()) == {"error"}
                if case.method == "DELETE" and answer.status_code == 204:
                    open_session()

            ask()

        open_session()
        schema = schemathesis.openapi.from_url(f"{address}/openapi.json", timeout=_SECONDS)
        operations = [found.ok() for found in schema.get_all_operations()]
        each = -(-_REQUESTS // len(operations))
        for operation in operations:
            explore(operation, each, fixed=True)
        while sent.total() < _REQUESTS:  # operations without parameters have few different requests
            for operation in operations:
                explore(operation, each, fixed=False)
    print(f"\n{sent.total()} requests over {len(operations)} operations: {dict(sorted(sent.items()))}")
    assert sent[200] > _REQUESTS / 20
