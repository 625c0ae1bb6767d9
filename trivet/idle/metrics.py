"""What a server's Prometheus metrics say about its traffic: vLLM's, llama.cpp's and the gateway's.

GPU utilisation is no part of it: a loaded model that nobody asks can be busy, and an asked one can look idle.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

IN_FLIGHT = frozenset(
    {
        "vllm:num_requests_running",
        "vllm:num_requests_waiting",
        "llamacpp:requests_processing",
        "llamacpp:requests_deferred",
        "trivet_gateway_in_flight",
        "trivet_gateway_queue_depth",
    }
)
COUNTERS = frozenset(
    {
        "vllm:request_success_total",
        "vllm:prompt_tokens_total",
        "vllm:generation_tokens_total",
        "llamacpp:prompt_tokens_total",
        "llamacpp:tokens_predicted_total",
        "llamacpp:n_decode_total",
        "trivet_gateway_requests_total",
        "trivet_gateway_tokens_total",
        "process_start_time_seconds",  # a server that started anew may have answered in between
    }
)
# Requests without a key that is known: scanners must not keep a machine awake.
NOBODY = 'team=""'
# https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?[ \t]+([^ \t]+)(?:[ \t]+-?\d+)?")


class UnreadableError(ValueError):
    """The text holds none of the metrics that tell of traffic."""


@dataclass(frozen=True)
class Reading:
    """`in_flight`: requests that are being answered or wait; `counters`: by series, what only ever grows."""

    in_flight: float
    counters: Mapping[str, float]


def read_metrics(text: str) -> Reading:
    """Read one exposition.

    Raises:
        UnreadableError: it does not say how many requests are in flight, or a number of it is none.
    """
    in_flight: list[float] = []
    counters: dict[str, float] = {}
    for line in text.splitlines():
        found = SAMPLE.fullmatch(line.strip())
        if not found or found[1] not in IN_FLIGHT | COUNTERS:
            continue
        name, labels, value = found[1], found[2] or "", _number(found[3])
        if name in IN_FLIGHT:
            in_flight.append(value)
        elif NOBODY not in labels.split(","):
            counters[f"{name}{{{labels}}}"] = value
    if not in_flight:
        raise UnreadableError("no metric tells how many requests are in flight")
    return Reading(in_flight=sum(in_flight), counters=counters)


def together(readings: Iterable[Reading]) -> Reading:
    """The readings of several servers as one; the servers' order tells their series apart."""
    listed = list(readings)
    return Reading(
        in_flight=sum(reading.in_flight for reading in listed),
        counters={
            f"{index} {series}": value for index, each in enumerate(listed) for series, value in each.counters.items()
        },
    )


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError as exc:
        raise UnreadableError(f"{text!r} is no number") from exc
    if value != value or value < 0:  # noqa: PLR0124  # NaN alone differs from itself
        raise UnreadableError(f"{text} is no number of requests")
    return value
