"""Tables and paragraphs for a terminal of 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Final

WIDTH: Final = 80


def paragraph(text: str, *, first: str = "", indent: int = 0) -> list[str]:
    """`text` in lines of at most 80 columns: `first` before the first line, the others below its text."""
    rest = " " * (indent or len(first))
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first.ljust(indent),
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def columns(rows: Iterable[Sequence[str]]) -> list[str]:
    """Rows under each other; the last column is wrapped, the others are as wide as their widest cell."""
    listed = list(rows)
    if not listed:
        return []
    widths = [max(len(row[at]) for row in listed) for at in range(len(listed[0]) - 1)]
    lines: list[str] = []
    for row in listed:
        head = "".join(cell.ljust(width + 2) for cell, width in zip(row[:-1], widths, strict=True))
        lines += paragraph(row[-1], first=head) or [head.rstrip()]
    return lines
