"""The gauges: what the gateway holds in memory, read when the metrics are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from trivet_gateway.audit.writer import AuditWriter
from trivet_gateway.drain import Drain
from trivet_gateway.frontier import Frontier
from trivet_gateway.inference import Place
from trivet_gateway.metrics import Metrics
from trivet_gateway.probes import Probes
from trivet_gateway.quota import TeamQuota


def watch(
    metrics: Metrics,
    audit: AuditWriter,
    quotas: Mapping[str, TeamQuota],
    places: Mapping[str, Place],
    probes: Probes,
    drain: Drain,
    frontier: Frontier | None,
) -> None:
    """Add all gauges."""
    metrics.watch("trivet_gateway_audit_rows", "Rows in the audit's chain.", lambda: audit.head.seq)
    metrics.watch("trivet_gateway_audit_writable", "1 when the audit can be written.", lambda: audit.fault is None)
    metrics.watch("trivet_gateway_audit_rows_lost", "Rows given up while it could not be.", lambda: audit.lost)
    metrics.watch("trivet_gateway_draining", "1 while nothing new is admitted.", lambda: drain.is_on)
    metrics.watch_each(
        "trivet_gateway_in_flight",
        "Requests in flight.",
        "team",
        {name: partial(getattr, quota, "in_flight") for name, quota in quotas.items()},
    )
    metrics.watch_each(
        "trivet_gateway_queue_depth",
        "Requests that wait for a place at a model's server.",
        "model",
        {name: partial(getattr, place.slots, "waiting") for name, place in places.items()},
    )
    metrics.watch_each(
        "trivet_gateway_upstream_up",
        "1 when a model's server says that it can serve.",
        "model",
        {name: partial(probes.up.__getitem__, name) for name in places},
    )
    if frontier:
        bucket = frontier.bucket
        metrics.watch("trivet_gateway_frontier_requests", "Requests sent to the frontier.", lambda: bucket.taken)
        metrics.watch(
            "trivet_gateway_frontier_share",
            "Share of the requests sent to the frontier.",
            lambda: bucket.taken / bucket.requests if bucket.requests else 0.0,
        )
