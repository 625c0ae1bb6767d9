"""What the kernel and /etc/os-release say of a machine."""

from __future__ import annotations

import re
import shlex

from trivet.drivers.facts.facts import Machine
from trivet.errors import HostError

KIB = 1 << 10
# What decides how fast a model runs on a processor, and which build of llama.cpp does.
TELLING = (
    "avx",
    "avx2",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "avx_vnni",
    "amx_int8",
    "amx_bf16",
    "asimddp",
    "sve",
    "i8mm",
)


def parse_machine(*, cpuinfo: str, meminfo: str, os_release: str, kernel: str, container: bool) -> Machine:
    """A machine from `/proc/cpuinfo`, `/proc/meminfo`, `/etc/os-release` and `uname -r`.

    Raises:
        HostError: `/proc/meminfo` has no total.
    """
    memory = dict(re.findall(r"^(\w+):\s+(\d+) kB$", meminfo, re.MULTILINE))
    if "MemTotal" not in memory:
        raise HostError(
            where="/proc/meminfo",
            value=meminfo[:80],
            rule="the kernel says how much memory there is",
            remedy="see what the file holds; the host has to be a Linux machine",
        )
    names = re.findall(r"^(?:model name|Model|cpu model)\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    found = re.search(r"^(?:flags|Features)\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    flags = set(found[1].split()) if found else set()
    return Machine(
        cpu=names[0].strip() if names else "unknown",
        cores=len(re.findall(r"^processor\s*:", cpuinfo, re.MULTILINE)),
        flags=tuple(flag for flag in TELLING if flag in flags),
        memory=int(memory["MemTotal"]) * KIB,
        available=int(memory.get("MemAvailable", 0)) * KIB,
        kernel=kernel.strip(),
        system=parse_os_release(os_release),
        container=container,
    )


def parse_os_release(text: str) -> str:
    """The system's name, as os-release(5) spells it."""
    for line in text.splitlines():
        key, _, value = line.partition("=")
        if key == "PRETTY_NAME":
            try:
                return " ".join(shlex.split(value)) or "unknown"
            except ValueError:
                return value
    return "unknown"
