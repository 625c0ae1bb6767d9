"""An account: keys, rulesets, instances that boot, run, end, and are billed by the minute."""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.lambda_cloud.requests import LaunchBody

MINUTE = 60
TYPES = {
    "gpu_1x_a10": (129, 1, 30, 200, 1400),
    "gpu_1x_h100_pcie": (329, 1, 26, 200, 1024),
    "gpu_8x_h100_sxm5": (2392, 8, 208, 1800, 22000),
}
REGIONS = ("us-east-1", "us-west-1", "europe-central-1", "asia-northeast-1")
ACTIONS = ("migrate", "rebuild", "restart", "cold_reboot", "terminate")


@dataclass
class Launch:
    """An instance, from the order on. Times in the fake's seconds; `fate`: what its boot comes to."""

    id: str
    body: LaunchBody
    cents_per_hour: int
    ordered_at: float
    listed_at: float
    up_at: float
    fate: str
    name: str
    address: str
    ended_at: float | None = None
    gone_at: float | None = None

    def status(self, now: float) -> str:
        if self.ended_at is not None:
            return "terminated" if self.gone_at is not None and now >= self.gone_at else "terminating"
        if now < self.up_at or self.fate == "stuck":
            return "booting"
        return self.fate

    def billed_minutes(self, now: float) -> int:
        """Minutes begun since it came up, healthy or not, until its end."""
        end = now if self.ended_at is None else min(self.ended_at, now)
        return max(0, math.ceil((end - self.up_at) / MINUTE)) if self.fate != "stuck" else 0

    @property
    def tags(self) -> dict[str, str]:
        return {tag.key: tag.value for tag in self.body.tags}


@dataclass
class Account:
    """The state behind the API.

    `fates`: how the boots of the next instances end (`active`, `unhealthy`, `stuck`). `on_launch`, `on_end`: told of
    each, for who gives them real machines.
    """

    monotonic: Callable[[], float]
    boot_seconds: float = 180
    end_seconds: float = 20
    late_seconds: float = 90
    capacity: dict[tuple[str, str], int] = field(
        default_factory=lambda: {(kind, region): 4 for kind in TYPES for region in REGIONS}
    )
    quota: int = 8
    fates: list[str] = field(default_factory=list)
    keys: dict[str, dict[str, str]] = field(default_factory=dict)
    rulesets: dict[str, dict[str, Any]] = field(default_factory=dict)
    launches: dict[str, Launch] = field(default_factory=dict)
    on_launch: Callable[[Launch], None] = lambda _: None
    on_end: Callable[[Launch], None] = lambda _: None

    def launch(self, body: LaunchBody, *, late: bool = False) -> Launch:
        now = self.monotonic()
        listed = now + self.late_seconds if late else now
        made = Launch(
            id=uuid.uuid4().hex,
            body=body,
            cents_per_hour=TYPES[body.instance_type_name][0],
            ordered_at=now,
            listed_at=listed,
            up_at=listed + self.boot_seconds,
            fate=self.fates.pop(0) if self.fates else "active",
            name=body.name or "",
            address=f"192.0.2.{len(self.launches) % 250 + 1}",
        )
        self.capacity[body.instance_type_name, body.region_name] -= 1
        self.launches[made.id] = made
        self.on_launch(made)
        return made

    def end(self, launch: Launch) -> None:
        if launch.ended_at is None:
            launch.ended_at = self.monotonic()
            launch.gone_at = launch.ended_at + self.end_seconds
            self.capacity[launch.body.instance_type_name, launch.body.region_name] += 1
            self.on_end(launch)

    @property
    def living(self) -> list[Launch]:
        """What is not ended, listed or not."""
        return [launch for launch in self.launches.values() if launch.ended_at is None]

    def listed(self) -> list[Launch]:
        now = self.monotonic()
        return [each for each in self.launches.values() if each.listed_at <= now and each.status(now) != "terminated"]

    def users_of_ruleset(self, ruleset_id: str) -> list[str]:
        now = self.monotonic()
        return [
            each.id
            for each in self.launches.values()
            if each.status(now) != "terminated" and any(ref.id == ruleset_id for ref in each.body.firewall_rulesets)
        ]

    def bill_cents(self) -> float:
        """The meter: what all instances have cost so far."""
        now = self.monotonic()
        return sum(each.billed_minutes(now) * each.cents_per_hour / 60 for each in self.launches.values())

    def show(self, launch: Launch) -> dict[str, Any]:
        """An instance as the API shows it. The address comes when it is up."""
        status = launch.status(self.monotonic())
        up = {"ip": launch.address, "private_ip": "10.0.0.2"} if status in {"active", "unhealthy"} else {}
        body = launch.body
        return {
            "id": launch.id,
            **({"name": launch.name} if launch.name else {}),
            **up,
            "status": status,
            "ssh_key_names": body.ssh_key_names,
            "file_system_names": body.file_system_names,
            "region": region(body.region_name),
            "instance_type": instance_type(body.instance_type_name),
            "hostname": body.hostname or launch.address.replace(".", "-"),
            "actions": {action: {"available": True} for action in ACTIONS},
            "tags": [tag.model_dump() for tag in body.tags],
            "firewall_rulesets": [ref.model_dump() for ref in body.firewall_rulesets],
        }


def region(name: str) -> dict[str, str]:
    return {"name": name, "description": f"Somewhere in {name}"}


def instance_type(name: str) -> Mapping[str, Any]:
    cents, gpus, vcpus, memory, storage = TYPES[name]
    return {
        "name": name,
        "description": name,
        "gpu_description": name.split("_")[2].upper(),
        "price_cents_per_hour": cents,
        "specs": {"vcpus": vcpus, "memory_gib": memory, "storage_gib": storage, "gpus": gpus},
    }
