"""What is compared of embeddings: distance, angle, and the two ways to write one down."""

from __future__ import annotations

import base64
import binascii
import math
import struct
from collections.abc import Sequence

from trivet.conformance.breach import BreachError

FLOAT_BYTES = 4


def largest_difference(one: Sequence[float], other: Sequence[float]) -> float:
    """The largest difference between two vectors' components; infinite if one is not finite or the lengths differ."""
    if len(one) != len(other):
        return math.inf
    differences = [abs(a - b) for a, b in zip(one, other, strict=True)]
    return max(differences, default=0.0) if all(map(math.isfinite, differences)) else math.inf


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """Cosine of the angle between two vectors of one length.

    Raises:
        BreachError: the lengths differ, or a vector has no direction.
    """
    if len(one) != len(other):
        raise BreachError(f"two vectors of one model have {len(one)} and {len(other)} dimensions")
    size = math.hypot(*one) * math.hypot(*other)
    if not (math.isfinite(size) and size > 0):
        raise BreachError("a vector is zero or not finite: it has no direction")
    return sum(a * b for a, b in zip(one, other, strict=True)) / size


def from_base64(text: str) -> list[float]:
    """The vector in base64 of little-endian 32-bit floats.

    Raises:
        BreachError: it holds none.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error as exc:
        raise BreachError(f"an embedding that is not base64: {exc}") from exc
    if not data or len(data) % FLOAT_BYTES:
        raise BreachError(f"an embedding of {len(data)} bytes is no row of 32-bit floats")
    return list(struct.unpack(f"<{len(data) // FLOAT_BYTES}f", data))
