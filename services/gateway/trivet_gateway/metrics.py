"""Prometheus metrics. Labels come from the configuration alone, so their number is bounded whatever clients send."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from trivet_gateway.audit.entry import Entry
from trivet_gateway.reply import Reply

SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
CONTENT_TYPE: Final = b"text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The counters of finished requests, and gauges that are read when they are asked for."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = self._counter(
            "trivet_gateway_requests",
            "Requests by who asked, what for and how it ended.",
            ("team", "model", "outcome", "status"),
        )
        self._tokens = self._counter(
            "trivet_gateway_tokens", "Tokens as the models' servers counted them.", ("team", "model", "kind")
        )
        self._seconds = self._histogram("trivet_gateway_request_seconds", "From a request's arrival to its end.")
        self._first = self._histogram(
            "trivet_gateway_first_byte_seconds", "From a request's arrival to the first byte."
        )

    def observe(self, entry: Entry, *, known_model: bool) -> None:
        """Count a finished request; a model that is not in the configuration is counted without its name."""
        team, model = entry.team or "", (entry.model or "") if known_model else ""
        self._requests(team, model, entry.outcome, str(entry.status)).inc()
        if entry.latency_ms is not None:
            self._seconds(model).observe(entry.latency_ms / 1000)
        if entry.first_byte_ms is not None:
            self._first(model).observe(entry.first_byte_ms / 1000)
        if entry.prompt_tokens is not None:
            self._tokens(team, model, "prompt").inc(entry.prompt_tokens)
        if entry.completion_tokens is not None:
            self._tokens(team, model, "completion").inc(entry.completion_tokens)

    def watch(self, name: str, help_text: str, read: Callable[[], float]) -> None:
        """Add a gauge that is read when the metrics are asked for."""
        Gauge(name, help_text, registry=self.registry).set_function(read)

    def watch_each(self, name: str, help_text: str, label: str, reads: Mapping[str, Callable[[], float]]) -> None:
        """Add a gauge with one label, each value of which is read when the metrics are asked for."""
        gauge = Gauge(name, help_text, (label,), registry=self.registry)
        for value, read in reads.items():
            gauge.labels(value).set_function(read)

    def reply(self) -> Reply:
        """All metrics in Prometheus's text format."""
        return Reply(200, generate_latest(self.registry), content_type=CONTENT_TYPE)

    # Finding a series by its labels takes longer than counting: it is done once for each.

    def _counter(self, name: str, help_text: str, labels: tuple[str, ...]) -> Callable[..., Counter]:
        return cache(Counter(name, help_text, labels, registry=self.registry).labels)

    def _histogram(self, name: str, help_text: str) -> Callable[..., Histogram]:
        return cache(Histogram(name, help_text, ("model",), buckets=SECONDS, registry=self.registry).labels)
