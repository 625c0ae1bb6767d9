"""Asks a host for its facts. Reads only, and needs no root."""

from __future__ import annotations

import json
from collections.abc import Sequence
from ipaddress import IPv6Address
from typing import Final

from trivet.drivers import disk, listening
from trivet.drivers.facts import disks, nvidia, pci
from trivet.drivers.facts.facts import Card, Driver, Engine, Facts, Machine
from trivet.drivers.facts.machine import parse_machine
from trivet.drivers.host import Completed, Host

MISSING: Final = 127
COMPOSE: Final = (("docker", "compose", "version", "--short"), ("docker-compose", "version", "--short"))


def collect(host: Host, *, root: str = "/var/lib") -> Facts:
    """Everything that can be told.

    Args:
        host: which.
        root: where a stack's files would go.

    Raises:
        HostError: the host cannot be asked, or one of its tools prints something else than it should.
    """
    driver, cards = gpus(host)
    lspci, lsblk = _output(host, pci.COMMAND), _output(host, disks.COMMAND)
    return Facts(
        machine=_machine(host),
        driver=driver,
        cards=cards,
        displays=pci.parse_displays(lspci) if lspci else (),
        disks=disks.parse_disks(lsblk) if lsblk else (),
        engine=_engine(host),
        ports=_ports(host),
        free=disk.free(host, root),
    )


def gpus(host: Host) -> tuple[Driver, tuple[Card, ...]]:
    """NVIDIA's driver, and the cards that it shows.

    Raises:
        HostError: the host cannot be asked, or `nvidia-smi` prints something else than it should.
    """
    done = _run(host, nvidia.QUERY)
    if done.code == MISSING:
        return Driver(state="absent"), ()
    query = done.stdout.decode(errors="replace")
    if done.code != 0 or "No devices were found" in query:
        return nvidia.parse_failure(done.code, f"{query}\n{done.stderr}"), ()
    cards = nvidia.parse_cards(query, _output(host, nvidia.LIST))
    return Driver(state="works", version=cards[0].driver if cards else None), cards


def _machine(host: Host) -> Machine:
    return parse_machine(
        cpuinfo=_file(host, "/proc/cpuinfo"),
        meminfo=_file(host, "/proc/meminfo"),
        os_release=_file(host, "/etc/os-release"),
        kernel=_output(host, ("uname", "-r")),
        container=any(host.stat(path) for path in ("/.dockerenv", "/run/.containerenv")),
    )


def _engine(host: Host) -> Engine | None:
    info = json.loads(_output(host, ("docker", "info", "--format", "{{json .}}")) or "{}")
    if not info.get("ServerVersion"):
        return None
    compose = next((version for argv in COMPOSE if (version := _output(host, argv).strip())), None)
    return Engine(
        version=info["ServerVersion"],
        driver=info["Driver"],
        data=info["DockerRootDir"],
        runtimes=tuple(sorted(info.get("Runtimes") or ())),
        compose=compose,
    )


def _ports(host: Host) -> tuple[str, ...]:
    listeners = {each for table in listening.TABLES for each in listening.parse(host.read(table) or b"")}
    return tuple(
        f"{f'[{at}]' if isinstance(at, IPv6Address) else at}:{port}"
        for at, port in sorted(listeners, key=lambda each: (each[1], str(each[0])))
    )


def _output(host: Host, argv: Sequence[str]) -> str:
    """What a command prints; nothing where it is not there or fails."""
    done = _run(host, argv)
    return done.stdout.decode(errors="replace") if done.code == 0 else ""


def _run(host: Host, argv: Sequence[str]) -> Completed:
    """Run a command that need not be there: exit code MISSING says so, and no host's error stands for it."""
    return host.run(["sh", "-c", f'command -v "$1" >/dev/null || exit {MISSING}; exec "$@"', "sh", *argv])


def _file(host: Host, path: str) -> str:
    return (host.read(path) or b"").decode(errors="replace")
