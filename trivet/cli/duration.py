"""Durations as people write them: `90m`, `2h`, `1d`."""

from __future__ import annotations

import argparse
import re

UNITS = {"m": 60, "h": 3600, "d": 86_400}


def duration(text: str) -> int:
    """Seconds; for argparse."""
    found = re.fullmatch(r"(\d{1,6})([mhd])", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r}: a duration is a number and m, h or d, like 90m or 2h")
    return int(found[1]) * UNITS[found[2]]


def spoken(seconds: float) -> str:
    """`2 h 05 min`."""
    minutes = max(0, round(seconds / 60))
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"
