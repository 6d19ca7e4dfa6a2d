"""5,000 generated requests against /openapi.json: none may answer 500, every error has the one form."""

from __future__ import annotations

import os
from collections import Counter

import pytest

from .test_limits import serving

_REQUESTS = int(os.environ.get("KONTUR_WEB_REQUESTS", "5000"))


@pytest.mark.slow
def test_generated_requests_never_answer_500():
    schemathesis = pytest.importorskip("schemathesis")
    hypothesis = pytest.importorskip("hypothesis")
    sent: Counter[int] = Counter()
    with serving(limits={"time_limit": 20.0, "max_pixels": 1_000_000}) as (host, port):
        address = f"http://{host}:{port}"
        schema = schemathesis.openapi.from_url(f"{address}/openapi.json", timeout=120)
        operations = [found.ok() for found in schema.get_all_operations()]
        each = -(-_REQUESTS // len(operations))
        for operation in operations:
            if sum(sent.values()) > 2 * _REQUESTS:
                break
            if operation.path.endswith("/events"):
                each_here = min(each, 50)
            else:
                each_here = each

            @hypothesis.given(case=operation.as_strategy())
            @hypothesis.settings(
                max_examples=each_here, deadline=None, database=None, derandomize=True,
                suppress_health_check=list(hypothesis.HealthCheck),
            )  # fmt: skip
            def ask(case):
                answer = case.call(base_url=address, timeout=120)
                sent[answer.status_code] += 1
                assert answer.status_code != 500, (case.method, case.formatted_path)
                if answer.status_code >= 400:
                    assert set(answer.json()) == {"error"}

            ask()
        while sum(sent.values()) < _REQUESTS:  # operations without parameters have few different requests
            for operation in operations:
                case = operation.as_strategy().example()
                answer = case.call(base_url=address, timeout=120)
                sent[answer.status_code] += 1
                assert answer.status_code != 500
    print(f"\n{sum(sent.values())} requests over {len(operations)} operations: {dict(sorted(sent.items()))}")
