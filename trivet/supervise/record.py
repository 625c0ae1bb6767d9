"""What the watchdog leaves for others to read: a heartbeat as JSON, metrics for Prometheus' textfile collector."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

HEARTBEAT, METRICS = "heartbeat.json", "watchdog.prom"
FAMILIES = (
    ("trivet_watchdog_up", "gauge", "1 when the server makes progress or needs none.", "up"),
    ("trivet_watchdog_restarts_total", "counter", "Restarts of a server that hung.", "restarts"),
    ("trivet_watchdog_silent_seconds", "gauge", "Since the server last gave a sign of life.", "silent"),
    ("trivet_watchdog_canary_seconds", "gauge", "That the last canary was answered in.", "canary"),
)


@dataclass(frozen=True)
class Standing:
    """How a service is. `silent`: seconds since its last sign; `canary`: seconds of the last answer, if any."""

    service: str
    verdict: str
    restarts: int
    silent: float
    canary: float | None

    @property
    def up(self) -> int:
        """1 when it is well."""
        return int(self.verdict == "well")


def heartbeat(now: float, standings: Iterable[Standing]) -> str:
    """The text of the heartbeat; `now` in seconds since 1970."""
    services = {each.service: {k: v for k, v in asdict(each).items() if k != "service"} for each in standings}
    return json.dumps({"at": round(now, 3), "services": services}, indent=1, sort_keys=True) + "\n"


def metrics(now: float, standings: Iterable[Standing]) -> str:
    """https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format."""
    listed = list(standings)
    lines = [
        "# HELP trivet_watchdog_heartbeat_timestamp_seconds When the watchdog last looked.",
        "# TYPE trivet_watchdog_heartbeat_timestamp_seconds gauge",
        f"trivet_watchdog_heartbeat_timestamp_seconds {now:.3f}",
    ]
    for name, kind, text, attribute in FAMILIES:
        lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
        for each in listed:
            value = getattr(each, attribute)
            if value is not None:
                lines.append(f'{name}{{service="{each.service}"}} {value:g}')
    return "\n".join(lines) + "\n"


def write(path: Path, text: str) -> None:
    """Whole or not at all."""
    draft = path.with_suffix(".part")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
