"""Files as a tar in gzip, the one form that Helm, Flux and Argo CD take: equal files give equal bytes anywhere.

What is compressed depends on whose zlib did it. So nothing is: the deflate stream (RFC 1951) holds stored blocks, the
tar is one as `tarball` writes it, and gzip's header (RFC 1952) bears no time and no name.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Final

from trivet.bundle.tarball import END, header, padding

_HEADER: Final = bytes((0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255))
_BLOCK: Final = 0xFFFF


def tar_gz(files: Mapping[str, bytes]) -> bytes:
    """The archive; names are relative paths."""
    tar = b"".join(_tar(files))
    return b"".join((_HEADER, *_stored(tar), struct.pack("<II", zlib.crc32(tar), len(tar) & 0xFFFFFFFF)))


def _tar(files: Mapping[str, bytes]) -> Iterator[bytes]:
    for name, data in sorted(files.items()):
        yield header(name, len(data))
        yield data
        yield bytes(padding(len(data)))
    yield END


def _stored(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), _BLOCK):
        block = data[start : start + _BLOCK]
        last = start + _BLOCK >= len(data)
        yield struct.pack("<BHH", last, len(block), len(block) ^ 0xFFFF)
        yield block
