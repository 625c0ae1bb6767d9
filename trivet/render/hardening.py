"""What every container of the stack is denied, whatever runs in it."""

from __future__ import annotations

from typing import Any

from trivet.spec.service import Health, Resources, Restart

USER = "65532:65532"


def hardened(*, resources: Resources, restart: Restart, health: Health, probe: tuple[str, ...]) -> dict[str, Any]:
    """The part of a Compose service that all services share: no privileges, no writable root, no unbounded growth."""
    return {
        "pull_policy": "never",
        "user": USER,
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "cpus": f"{resources.cpus:g}",
        "mem_limit": _bytes(resources.memory),
        "memswap_limit": _bytes(resources.memory),  # the same: no swap
        "pids_limit": resources.pids,
        "restart": restart,
        "healthcheck": {
            "test": list(probe),
            "interval": f"{health.interval}s",
            "timeout": f"{health.timeout}s",
            "retries": health.retries,
            "start_period": f"{health.start}s",
        },
        "logging": {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}},
    }


def _bytes(memory: str) -> str:
    """Compose writes Gi as g, and means the same."""
    return memory.removesuffix("i").lower()
