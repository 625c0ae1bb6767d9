"""What `lspci -Dmmnn` prints: a device a line, fields in quotes, each name followed by its number in brackets."""

from __future__ import annotations

import re
import shlex
from typing import Final

from trivet.drivers.facts.facts import Display

COMMAND: Final = ("lspci", "-Dmmnn")
NVIDIA: Final = "10de"
KINDS: Final = frozenset({"0300", "0302", "0380", "1200"})  # VGA, 3D and other display controllers; accelerators
NUMBERED: Final = re.compile(r"(?P<name>.*) \[(?P<number>[0-9a-f]{4})\]")


def parse_displays(output: str) -> tuple[Display, ...]:
    """Display controllers and accelerators, in the bus's order; lines that are none are passed over."""
    return tuple(found for line in output.splitlines() if (found := _display(line)))


def _display(line: str) -> Display | None:
    try:
        fields = shlex.split(line)
    except ValueError:
        return None
    if len(fields) < 4:  # noqa: PLR2004  # slot, class, vendor, device
        return None
    kind, vendor, device = (NUMBERED.fullmatch(field) for field in fields[1:4])
    if not (kind and vendor and device) or kind["number"] not in KINDS:
        return None
    return Display(
        slot=fields[0],
        kind=kind["name"],
        vendor=vendor["name"],
        device=device["name"],
        ids=(vendor["number"], device["number"]),
    )
