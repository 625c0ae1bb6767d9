"""Small weight files built byte by byte, so that a test can break exactly one rule."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any

U32, BOOL, STRING, ARRAY, U64 = 4, 7, 8, 9, 10
F32, Q8_0 = 0, 8


def text(value: str | bytes) -> bytes:
    """A GGUF string."""
    data = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(data)) + data


def pair(key: str | bytes, code: int, value: bytes) -> bytes:
    """One metadata entry."""
    return text(key) + struct.pack("<I", code) + value


def u32(key: str, value: int) -> bytes:
    """A 32-bit number."""
    return pair(key, U32, struct.pack("<I", value))


def string(key: str, value: str) -> bytes:
    """A string."""
    return pair(key, STRING, text(value))


def array(key: str, code: int, count: int, data: bytes) -> bytes:
    """An array."""
    return pair(key, ARRAY, struct.pack("<IQ", code, count) + data)


def tensor(name: str, shape: Sequence[int], code: int = F32, offset: int = 0) -> bytes:
    """A tensor's description."""
    return text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, code, offset)


CHAT = (string("general.architecture", "llama"), u32("llama.context_length", 512), u32("llama.embedding_length", 8))
TENSORS = (tensor("a", (8, 2)), tensor("b", (3,), offset=64))
DATA = bytes(64 + 12)


def gguf(
    pairs: Sequence[bytes] = CHAT,
    tensors: Sequence[bytes] = TENSORS,
    data: bytes = DATA,
    *,
    magic: bytes = b"GGUF",
    version: int = 3,
    counts: tuple[int, int] | None = None,
    alignment: int = 32,
) -> bytes:
    """A whole file; `counts` are the numbers of tensors and of metadata entries that it claims to have."""
    claimed = counts or (len(tensors), len(pairs))
    head = magic + struct.pack("<IQQ", version, *claimed) + b"".join(pairs) + b"".join(tensors)
    return head + bytes(-len(head) % alignment) + data


def entry(dtype: str, shape: Sequence[int], begin: int, end: int) -> dict[str, Any]:
    """A tensor's entry in a safetensors header."""
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


WEIGHTS = {"a": entry("F32", (2, 2), 0, 16), "b": entry("BF16", (4,), 16, 24)}


def safetensors(header: Mapping[str, Any] | bytes = WEIGHTS, data: bytes = bytes(24)) -> bytes:
    """A whole file."""
    head = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(head)) + head + data
