"""A strict reader of GGUF headers: proves, without reading the weights, that a file is whole and can be mapped.

Rules, in the order in which they are checked:
 1. the file starts with `GGUF`, little-endian, version 2 or 3;
 2. at most 131,072 tensors and 65,536 metadata keys;
 3. every length and count stays within the file, a string within 16 MiB and all text within 64 MiB (so memory is
    bounded whatever the file claims);
 4. a key is at most 65,535 bytes of UTF-8, stands once, and has a known type; arrays are not nested and have at most
    16,777,216 elements;
 5. `general.alignment` is a power of two from 8 to 65,536;
 6. a tensor's name has 1 to 63 bytes and stands once; it has 1 to 4 dimensions, none 0, and a known type whose blocks
    divide its rows;
 7. tensors follow one another without gap or overlap, each padded to the alignment, as llama.cpp asks;
 8. the last byte of the last tensor is in the file.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Limits and rule 7: llama.cpp's ggml/src/gguf.cpp.
"""

from __future__ import annotations

import math
import struct
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, NoReturn

from trivet.errors import IntegrityError

MAGIC: Final = b"GGUF"
VERSIONS: Final = (2, 3)
MAX_TENSORS: Final = 1 << 17
MAX_KEYS: Final = 1 << 16
MAX_KEY_BYTES: Final = 65_535
MAX_STRING_BYTES: Final = 1 << 24
MAX_TEXT_BYTES: Final = 1 << 26
MAX_ELEMENTS: Final = 1 << 24
MAX_NAME_BYTES: Final = 63
MAX_DIMENSIONS: Final = 4
DEFAULT_ALIGNMENT: Final = 32
ALIGNMENTS: Final = tuple(1 << power for power in range(3, 17))

STRING: Final = 8
ARRAY: Final = 9
SCALARS: Final = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}

# ggml type → (name, elements in a block, bytes of a block): `ggml_type` and `type_traits` of ggml.
TENSOR_TYPES: Final[dict[int, tuple[str, int, int]]] = {
    0: ("F32", 1, 4),
    1: ("F16", 1, 2),
    2: ("Q4_0", 32, 18),
    3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24),
    8: ("Q8_0", 32, 34),
    9: ("Q8_1", 32, 40),
    10: ("Q2_K", 256, 84),
    11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176),
    14: ("Q6_K", 256, 210),
    15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66),
    17: ("IQ2_XS", 256, 74),
    18: ("IQ3_XXS", 256, 98),
    19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18),
    21: ("IQ3_S", 256, 110),
    22: ("IQ2_S", 256, 82),
    23: ("IQ4_XS", 256, 136),
    24: ("I8", 1, 1),
    25: ("I16", 1, 2),
    26: ("I32", 1, 4),
    27: ("I64", 1, 8),
    28: ("F64", 1, 8),
    29: ("IQ1_M", 256, 56),
    30: ("BF16", 1, 2),
    34: ("TQ1_0", 256, 54),
    35: ("TQ2_0", 256, 66),
    39: ("MXFP4", 32, 17),
    40: ("NVFP4", 64, 36),
    41: ("Q1_0", 128, 18),
}

Value = int | float | bool | str | None


@dataclass(frozen=True)
class Tensor:
    """One tensor: `shape` with the row length first, `offset` (from the start of the data) and `size` in bytes."""

    name: str
    shape: tuple[int, ...]
    type: str
    offset: int
    size: int

    @property
    def elements(self) -> int:
        """Number of weights."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class GgufHeader:
    """What a file says about itself. `metadata` holds scalars and strings; an array is there as None."""

    version: int
    metadata: dict[str, Value]
    tensors: tuple[Tensor, ...]

    @property
    def parameters(self) -> int:
        """Number of weights in all tensors."""
        return sum(tensor.elements for tensor in self.tensors)

    @property
    def main_type(self) -> str:
        """The tensor type that holds the most bytes; empty without tensors."""
        held: Counter[str] = Counter()
        for tensor in self.tensors:
            held[tensor.type] += tensor.size
        return held.most_common(1)[0][0] if held else ""


def read_gguf_header(path: Path) -> GgufHeader:
    """Read and check the header.

    Raises:
        IntegrityError: a rule of this module is broken; the file is corrupt, cut short or no GGUF.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        return _Reader(file, path.stat().st_size, str(path)).header()


class _Reader:
    """Reads little-endian fields; no length that the file claims is believed beyond the file's end."""

    def __init__(self, file: BinaryIO, size: int, where: str) -> None:
        self._file = file
        self._size = size
        self._where = where
        self._position = 0
        self._text_left = MAX_TEXT_BYTES

    def header(self) -> GgufHeader:
        magic = self._take(4, "the magic")
        if magic != MAGIC:
            self._refuse(f"starts with {magic!r}", "a GGUF file starts with b'GGUF'")
        version = self._number("<I", "the version")
        if version not in VERSIONS:
            self._refuse(f"version {version}", "version 2 or 3, little-endian")
        tensors = self._count(MAX_TENSORS, "tensors")
        keys = self._count(MAX_KEYS, "metadata keys")
        metadata: dict[str, Value] = {}
        for _ in range(keys):
            key = self._text(MAX_KEY_BYTES, "a key")
            if key in metadata:
                self._refuse(f"key {key!r} stands twice", "a metadata key stands once")
            metadata[key] = self._value(self._number("<I", f"the type of {key}"), key)
        alignment = metadata.get("general.alignment", DEFAULT_ALIGNMENT)
        if alignment not in ALIGNMENTS or isinstance(alignment, bool | float):
            self._refuse(f"general.alignment {alignment!r}", "the alignment is a power of two from 8 to 65536")
        return GgufHeader(version, metadata, self._tensors(tensors, int(alignment)))

    def _tensors(self, count: int, alignment: int) -> tuple[Tensor, ...]:
        found: dict[str, Tensor] = {}
        expected = 0
        for _ in range(count):
            tensor = self._tensor()
            if tensor.name in found:
                self._refuse(f"tensor {tensor.name!r} stands twice", "a tensor's name stands once")
            if tensor.offset != expected:
                self._refuse(
                    f"tensor {tensor.name!r} at offset {tensor.offset}",
                    f"tensors follow one another: offset {expected}",
                )
            expected += _pad(tensor.size, alignment)
            found[tensor.name] = tensor
        start = _pad(self._position, alignment)
        for tensor in found.values():
            end = start + tensor.offset + tensor.size
            if end > self._size:
                self._refuse(
                    f"tensor {tensor.name!r} ends at byte {end:,} of {self._size:,}", "all weights are in the file"
                )
        return tuple(found.values())

    def _tensor(self) -> Tensor:
        name = self._text(MAX_NAME_BYTES, "a tensor's name")
        if not name:
            self._refuse("a tensor without a name", "a tensor has a name")
        rank = self._number("<I", f"the rank of {name}")
        if not 1 <= rank <= MAX_DIMENSIONS:
            self._refuse(f"tensor {name!r} with {rank} dimensions", f"1 to {MAX_DIMENSIONS} dimensions")
        shape = tuple(self._number("<Q", f"the shape of {name}") for _ in range(rank))
        code = self._number("<I", f"the type of {name}")
        if code not in TENSOR_TYPES:
            self._refuse(f"tensor {name!r} of type {code}", "a tensor has a type that this version knows")
        type_name, block, block_bytes = TENSOR_TYPES[code]
        if 0 in shape or shape[0] % block:
            self._refuse(
                f"tensor {name!r} of shape {shape}",
                f"no dimension is 0, and rows of {type_name} are multiples of {block}",
            )
        size = math.prod(shape) // block * block_bytes
        return Tensor(name, shape, type_name, self._number("<Q", f"the offset of {name}"), size)

    def _value(self, code: int, key: str) -> Value:
        if code in SCALARS:
            return self._scalar(SCALARS[code], key)
        if code == STRING:
            return self._text(MAX_STRING_BYTES, key)
        if code != ARRAY:
            self._refuse(f"{key} of type {code}", "a value has one of GGUF's 13 types")
        self._skip_array(key)
        return None

    def _skip_array(self, key: str) -> None:
        code = self._number("<I", f"the element type of {key}")
        count = self._count(MAX_ELEMENTS, f"elements in {key}")
        if code in SCALARS:
            self._skip(count * struct.calcsize(SCALARS[code]), key)
        elif code == STRING:
            for _ in range(count):
                self._skip(self._number("<Q", key), key)
        else:
            self._refuse(f"{key}: an array of type {code}", "an array holds scalars or strings")

    def _scalar(self, layout: str, key: str) -> Value:
        value: Value = struct.unpack(layout, self._take(struct.calcsize(layout), key))[0]
        return value

    def _number(self, layout: str, what: str) -> int:
        return int.from_bytes(self._take(struct.calcsize(layout), what), "little")

    def _count(self, limit: int, what: str) -> int:
        count = self._number("<Q", f"the number of {what}")
        if count > limit:
            self._refuse(f"{count:,} {what}", f"at most {limit:,}")
        return count

    def _text(self, limit: int, what: str) -> str:
        length = self._number("<Q", f"the length of {what}")
        if length > min(limit, self._text_left):
            self._refuse(f"{what} of {length:,} bytes", f"at most {limit:,} bytes, and {MAX_TEXT_BYTES:,} in all")
        self._text_left -= length
        data = self._take(length, what)
        try:
            return data.decode()
        except UnicodeDecodeError as exc:
            raise self._error(f"{what}: {data[:40]!r}", "text is UTF-8") from exc

    def _take(self, count: int, what: str) -> bytes:
        self._require(count, what)
        self._position += count
        return self._file.read(count)

    def _skip(self, count: int, what: str) -> None:
        self._require(count, what)
        self._position += count
        self._file.seek(count, 1)

    def _require(self, count: int, what: str) -> None:
        if count > self._size - self._position:
            self._refuse(
                f"{what}: {count:,} bytes at byte {self._position:,} of {self._size:,}", "the header is in the file"
            )

    def _refuse(self, value: str, rule: str) -> NoReturn:
        raise self._error(value, rule)

    def _error(self, value: str, rule: str) -> IntegrityError:
        return IntegrityError(
            where=self._where,
            value=value,
            rule=rule,
            remedy="the file is corrupt or cut short: fetch it again and compare its sha256sum",
        )


def _pad(size: int, alignment: int) -> int:
    return -(-size // alignment) * alignment
