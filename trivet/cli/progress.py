"""Progress on stderr: one line a step, so that stdout stays for results."""

from __future__ import annotations

import sys


def say(line: str) -> None:
    """Print one line of progress at once."""
    print(line, file=sys.stderr, flush=True)
