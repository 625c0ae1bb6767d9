"""What `lsblk --json` prints: a tree of block devices."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from trivet.drivers.facts.facts import Disk
from trivet.errors import HostError

COMMAND: Final = ("lsblk", "--json", "--bytes", "--output", "NAME,TYPE,SIZE,FSTYPE,MOUNTPOINTS,ROTA,MODEL")


def parse_disks(output: str) -> tuple[Disk, ...]:
    """Every device, those within another one behind it; what lies on several (RAID, LVM) once.

    Raises:
        HostError: it is not what `lsblk` prints.
    """
    try:
        tree = json.loads(output)["blockdevices"]
        return tuple({disk.name: disk for node in tree for disk in _walk(node)}.values())
    except (ValueError, LookupError, TypeError, AttributeError) as exc:
        raise HostError(
            where="lsblk",
            value=f"{type(exc).__name__}: {exc}",
            rule="it prints a tree of block devices as JSON",
            remedy=f"see what `{' '.join(COMMAND)}` prints there (util-linux 2.37 or newer)",
        ) from exc


def _walk(node: Mapping[str, Any]) -> Iterator[Disk]:
    model = node.get("model")
    yield Disk(
        name=str(node["name"]),
        type=str(node["type"]),
        size=int(node["size"] or 0),
        filesystem=node.get("fstype") or None,
        mounts=tuple(str(each) for each in node.get("mountpoints") or () if each),
        rotational=node.get("rota") in {True, "1"},
        model=str(model).strip() if model else None,
    )
    for child in node.get("children", ()):
        yield from _walk(child)
