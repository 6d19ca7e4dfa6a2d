"""Counters of the server for Prometheus, by its own client library. No address, no file name, no id is counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # a time beside each counter, which nobody asks for

CONTENT_TYPE = "text/plain; version=0.0.4"
_BOUNDS = (0.01, 0.03, 0.1, 0.3, 0.7, 1.5, 5.0, 15.0, 60.0)


class Telemetry:
    """`finished` is called once a request; `text` is what GET /metrics answers."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        labels = ("route", "method", "status")
        self._requests = Counter(
            "kontur_requests", "Requests by route, method and status.", labels, registry=self._registry
        )
        self._seconds = Histogram(
            "kontur_request_seconds", "Time of a request.", ("route",), buckets=_BOUNDS, registry=self._registry
        )

    def finished(self, scope: Mapping[str, Any], status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "other")
        method = scope["method"] if scope["method"] in ("GET", "POST", "DELETE", "HEAD") else "other"
        self._requests.labels(route, method, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def text(self, gauges: Mapping[str, tuple[str, float]], ended: Mapping[str, int]) -> bytes:
        """gauges: name -> (what it is, value). ended: processes that were ended, by cause."""
        now = CollectorRegistry()
        now.register(_Snapshot(gauges, ended))
        return prometheus_client.generate_latest(self._registry) + prometheus_client.generate_latest(now)


class _Snapshot:
    """What is counted elsewhere, as it is now."""

    def __init__(self, gauges: Mapping[str, tuple[str, float]], ended: Mapping[str, int]) -> None:
        self._gauges, self._ended = gauges, ended

    def collect(self) -> Iterator[Metric] | Iterable[Metric]:
        family = CounterMetricFamily("kontur_ended", "Processes that were ended, by cause.", labels=("cause",))
        for cause, count in self._ended.items():
            family.add_metric([cause], count)
        yield family
        for name, (meaning, value) in self._gauges.items():
            yield GaugeMetricFamily(name, meaning, value)
