"""Counters of the server, in the text format of Prometheus (version 0.0.4). No address, no file name, no id is counted."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

_BOUNDS = (0.01, 0.03, 0.1, 0.3, 0.7, 1.5, 5.0, 15.0, 60.0)


class Telemetry:
    """`finished` is called once a request; `text` is what GET /metrics answers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: dict[tuple[str, str, int], int] = defaultdict(int)
        self._times: dict[str, list[float]] = defaultdict(lambda: [0.0] * (len(_BOUNDS) + 2))

    def finished(self, scope: Mapping[str, Any], status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "other")
        method = scope["method"] if scope["method"] in ("GET", "POST", "DELETE", "HEAD") else "other"
        with self._lock:
            self._requests[route, method, status] += 1
            row = self._times[route]
            for place, bound in enumerate(_BOUNDS):
                row[place] += seconds <= bound
            row[-2] += 1
            row[-1] += seconds

    def text(self, gauges: Mapping[str, tuple[str, float]], ended: Mapping[str, int]) -> str:
        """gauges: name -> (what it is, value). ended: processes that were ended, by cause."""
        lines = [
            "# HELP kontur_requests_total Requests by route, method and status.",
            "# TYPE kontur_requests_total counter",
        ]
        with self._lock:
            for (route, method, status), count in sorted(self._requests.items()):
                lines.append(f'kontur_requests_total{{route="{route}",method="{method}",status="{status}"}} {count}')
            lines += ["# HELP kontur_request_seconds Time of a request.", "# TYPE kontur_request_seconds histogram"]
            for route, row in sorted(self._times.items()):
                for bound, within in zip(_BOUNDS, row, strict=False):
                    lines.append(f'kontur_request_seconds_bucket{{route="{route}",le="{bound:g}"}} {within:g}')
                lines.append(f'kontur_request_seconds_bucket{{route="{route}",le="+Inf"}} {row[-2]:g}')
                lines.append(f'kontur_request_seconds_sum{{route="{route}"}} {row[-1]:.6f}')
                lines.append(f'kontur_request_seconds_count{{route="{route}"}} {row[-2]:g}')
        lines += ["# HELP kontur_ended_total Processes that were ended, by cause.", "# TYPE kontur_ended_total counter"]
        lines += [f'kontur_ended_total{{cause="{cause}"}} {count}' for cause, count in ended.items()]
        for name, (meaning, value) in gauges.items():
            lines += [f"# HELP {name} {meaning}", f"# TYPE {name} gauge", f"{name} {value:g}"]
        return "\n".join(lines) + "\n"
