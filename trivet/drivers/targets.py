"""Which driver reaches a target."""

from __future__ import annotations

from trivet.drivers.host import Host
from trivet.drivers.local import LocalHost
from trivet.spec.ssh import SshTarget


def connect(target: SshTarget | None, sudo_password: str | None = None) -> Host:
    """The host that a target names; this machine where there is none. Nothing is contacted yet."""
    if target is None:
        return LocalHost()
    from trivet.drivers.ssh import SshHost  # noqa: PLC0415  # paramiko takes its time, and only some stacks need it

    return SshHost(target, sudo_password)
