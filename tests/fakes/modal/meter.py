"""The meter: what every container costs, by the second, and the workspace's report of it, by whole intervals."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp
from modal_proto import api_pb2 as pb

from tests.fakes.modal.rules import require

# Dollars a second, from https://modal.com/pricing (2026-11-20): the fake's own, for it is what others are held against.
A_SECOND = {"T4": 164e-6, "L4": 222e-6, "A10": 306e-6, "A100-40GB": 583e-6, "L40S": 542e-6, "A100-80GB": 694e-6}
A_SECOND |= {"H100": 1097e-6, "RTX-PRO-6000": 842e-6, "H200": 1261e-6, "B200": 1736e-6, "": 0.0}
CORE, GIB = 13.1e-6, 2.22e-6
LENGTHS = {"h": timedelta(hours=1), "d": timedelta(days=1)}


@dataclass
class Use:
    """One container's life, seconds since 1970; `end` is None while it lives."""

    app_id: str
    app: str
    tags: dict[str, str]
    dollars_a_second: float
    start: float
    end: float | None = None


class Meter:
    """Serves WorkspaceBillingReport. `now` may be another clock."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self.uses: list[Use] = []
        self.now = now

    def begin(self, app_id: str, app: str, tags: dict[str, str], function: pb.Function) -> Use:
        """A container starts."""
        use = Use(app_id, app, dict(tags), rate(function), self.now())
        self.uses.append(use)
        return use

    def end(self, use: Use) -> None:
        """It is gone."""
        use.end = self.now()

    def dollars(self, start: float, end: float, app: str | None = None) -> float:
        """What was used between two times."""
        return sum(
            max(0.0, min(use.end or self.now(), end) - max(use.start, start)) * use.dollars_a_second
            for use in self.uses
            if app in (None, use.app)
        )

    async def workspace_billing_report(
        self, request: pb.WorkspaceBillingReportRequest
    ) -> AsyncIterator[pb.WorkspaceBillingReportItem]:
        require(request.resolution in LENGTHS, f"resolution {request.resolution!r}")
        for start, end in _intervals(request):
            for app_id, app, tags in sorted({(use.app_id, use.app, tuple(use.tags.items())) for use in self.uses}):
                mine = [use for use in self.uses if use.app_id == app_id]
                used = sum(
                    max(0.0, min(use.end or self.now(), end) - max(use.start, start)) * use.dollars_a_second
                    for use in mine
                )
                if used:
                    item = pb.WorkspaceBillingReportItem(
                        object_id=app_id, description=app, environment_name="main", cost=f"{used:.9f}"
                    )
                    item.interval.FromSeconds(int(start))
                    item.tags.update({key: value for key, value in tags if key in request.tag_names})
                    yield item


def rate(function: pb.Function) -> float:
    """Dollars a second for one container: pinned regions cost more."""
    resources = function.resources
    kind, count = resources.gpu_config.gpu_type, max(1, resources.gpu_config.count)
    dollars = A_SECOND[kind.upper()] * count + resources.milli_cpu / 1000 * CORE + resources.memory_mb / 1024 * GIB
    regions = function.scheduler_placement.regions
    return dollars * (max(1.75 if "-" in region else 1.5 for region in regions) if regions else 1.0)


def _intervals(request: pb.WorkspaceBillingReportRequest) -> Iterator[tuple[float, float]]:
    """Whole ones: the first is rounded down, a partial last one left out."""
    length, end = LENGTHS[request.resolution], _time(request.end_timestamp)
    start = _time(request.start_timestamp).replace(minute=0, second=0, microsecond=0)
    start = start.replace(hour=0) if request.resolution == "d" else start
    while start + length <= end:
        yield start.timestamp(), (start + length).timestamp()
        start += length


def _time(stamp: Timestamp) -> datetime:
    return stamp.ToDatetime(tzinfo=UTC)
