"""Canonical JSON and the digests taken of it."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def canonical_json(value: Any) -> bytes:
    """The one byte string for a JSON value: sorted keys, no spaces, UTF-8 (close to RFC 8785; ours alone read it)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def sha256_digest(data: bytes) -> str:
    """`sha256:` and the hexadecimal SHA-256 of `data`, as OCI writes digests."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def json_digest(value: Any) -> str:
    """Digest of a value's canonical JSON."""
    return sha256_digest(canonical_json(value))
