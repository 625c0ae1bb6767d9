"""A strict reader of safetensors headers: proves, without reading the weights, that a file is whole.

Rules, in the order in which they are checked:
 1. the header's length (8 bytes, little-endian) is at most 100 MB and within the file;
 2. the header is a JSON object that starts with `{`; no name stands twice; `__metadata__` maps strings to strings;
 3. a tensor has a known `dtype`, a `shape` without negative sizes and `data_offsets` that span exactly its bytes;
 4. tensors cover the rest of the file without gap or overlap.

Format: https://github.com/huggingface/safetensors#format; rule 4 is the reference implementation's.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from trivet.errors import IntegrityError

MAX_HEADER_BYTES: Final = 100_000_000
METADATA: Final = "__metadata__"
BITS: Final[dict[str, int]] = {
    "F4": 4, "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "U16": 16, "I16": 16, "F16": 16,
    "BF16": 16, "U32": 32, "I32": 32, "F32": 32, "U64": 64, "I64": 64, "F64": 64, "C64": 64,
}  # fmt: skip
PREFIX: Final = 8  # bytes of the header's length

Extent = Annotated[int, Field(ge=0, le=1 << 62)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    dtype: str
    shape: Annotated[list[Extent], Field(max_length=16)]
    data_offsets: tuple[Extent, Extent]


_ENTRIES = TypeAdapter(dict[str, _Entry])
_METADATA = TypeAdapter(dict[str, str])


@dataclass(frozen=True)
class SafetensorsHeader:
    """What a file says about itself: `dtypes` maps a dtype to the bytes stored in it."""

    tensors: frozenset[str]
    parameters: int
    dtypes: dict[str, int]

    @property
    def main_type(self) -> str:
        """The dtype that holds the most bytes; empty without tensors."""
        return max(self.dtypes, key=lambda name: self.dtypes[name], default="")


def read_safetensors_header(path: Path) -> SafetensorsHeader:
    """Read and check the header.

    Raises:
        IntegrityError: a rule of this module is broken; the file is corrupt, cut short or no safetensors file.
        OSError: the file cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(PREFIX), "little")
        if size < PREFIX or length > min(size - PREFIX, MAX_HEADER_BYTES):
            raise _error(
                path, f"a header of {length:,} bytes in a file of {size:,}", "the header is in the file, at most 100 MB"
            )
        entries = _parse(path, file.read(length))
    _check_cover(path, entries, size - PREFIX - length)
    stored: Counter[str] = Counter()
    for entry in entries.values():
        stored[entry.dtype] += entry.data_offsets[1] - entry.data_offsets[0]
    return SafetensorsHeader(
        frozenset(entries), sum(math.prod(entry.shape) for entry in entries.values()), dict(stored)
    )


def _parse(path: Path, data: bytes) -> dict[str, _Entry]:
    try:
        pairs = json.loads(data.decode(), object_pairs_hook=_unique) if data[:1] == b"{" else None
        if not isinstance(pairs, dict):
            raise _error(path, repr(data[:20]), "the header is a JSON object")
        _METADATA.validate_python(pairs.pop(METADATA, {}))
        return _ENTRIES.validate_json(json.dumps(pairs))
    except (ValidationError, ValueError, RecursionError) as exc:
        raise _error(
            path, str(exc).splitlines()[0], "the header names each tensor once, with dtype, shape and data_offsets"
        ) from exc


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    names = dict(pairs)
    if len(names) != len(pairs):
        message = "a name stands twice"
        raise ValueError(message)
    return names


def _check_cover(path: Path, entries: dict[str, _Entry], size: int) -> None:
    expected = 0
    for name, entry in sorted(entries.items(), key=lambda item: item[1].data_offsets):
        begin, end = entry.data_offsets
        if entry.dtype not in BITS:
            raise _error(path, f"tensor {name!r} of dtype {entry.dtype!r}", "a tensor has a dtype of the format")
        bits = math.prod(entry.shape) * BITS[entry.dtype]
        if bits % 8 or end - begin != bits // 8:
            raise _error(
                path,
                f"tensor {name!r}, {entry.shape} {entry.dtype}, in {end - begin:,} bytes",
                f"{bits / 8:,.0f} bytes",
            )
        if begin != expected:
            raise _error(
                path, f"tensor {name!r} at offset {begin:,}", f"tensors follow one another: offset {expected:,}"
            )
        expected = end
    if expected != size:
        raise _error(path, f"weights of {expected:,} bytes in {size:,}", "the weights fill the file exactly")


def _error(path: Path, value: str, rule: str) -> IntegrityError:
    remedy = "the file is corrupt or cut short: fetch it again and compare its sha256sum"
    return IntegrityError(where=str(path), value=value, rule=rule, remedy=remedy)
