"""Names that a cloud takes: shorter than ours, and without some of our characters."""

from __future__ import annotations

import re

from trivet.spec.digest import sha256_digest

MARK = 8  # hexadecimal digits that tell shortened names apart


def fitting(name: str, limit: int) -> str:
    """`name` in lower-case letters, digits and hyphens, at most `limit` characters; names that differ stay so."""
    plain = re.sub(r"[^a-z0-9]+", "-", name).strip("-")
    if plain == name and len(name) <= limit:
        return name
    return f"{plain[: limit - MARK - 1].rstrip('-')}-{mark(name)}"


def mark(*parts: str, digits: int = MARK) -> str:
    """Hexadecimal digits that stand for `parts`."""
    return sha256_digest("/".join(parts).encode()).removeprefix("sha256:")[:digits]
