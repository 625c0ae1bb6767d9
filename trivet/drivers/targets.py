"""Which driver reaches a target."""

from __future__ import annotations

from typing import Literal

from trivet.drivers.host import Host
from trivet.drivers.local import LocalHost


def connect(target: Literal["local"]) -> Host:
    """The host that a target names."""
    return {"local": LocalHost}[target]()
