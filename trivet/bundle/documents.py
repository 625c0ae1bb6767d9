"""The documents that are signed: a bundle's index, a delta's and a part's packing list, the installer. No I/O.

`index.json` is an OCI image index. What binds everything is in it: the manifests by digest, and as annotations when
it was made, until when it holds and which lock it carries. So one signature is enough for a whole bundle. A delta and
a part of a split bundle carry the *same* index, with the same signatures, and a signed list of their own of what
travels with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from pydantic import Field

from trivet.bundle.oci import Document, Index
from trivet.bundle.refusals import DocumentError
from trivet.spec.base import Digest

INDEX_FILE: Final = "index.json"
DELTA_FILE: Final = "delta.json"
PART_FILE: Final = "part.json"
INSTALLER_FILE: Final = "install.sh"
SIGNED: Final = (INDEX_FILE, DELTA_FILE, PART_FILE, INSTALLER_FILE)

DELTA: Final = "application/vnd.trivet.bundle.delta.v1+json"
PART: Final = "application/vnd.trivet.bundle.part.v1+json"

CREATED: Final = "org.opencontainers.image.created"
EXPIRES: Final = "dev.trivet.bundle.expires"
INSTALLER: Final = "dev.trivet.bundle.installer"
LOCK: Final = "dev.trivet.bundle.lock"
STACK: Final = "dev.trivet.bundle.stack"

TIME_FORMAT: Final = "%Y-%m-%dT%H:%M:%SZ"

Size = Annotated[int, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]


class BundleIndex(Index):
    """The table of contents of a bundle. Its artifact type keeps a signature of it from meaning anything else."""

    media_type: Literal["application/vnd.oci.image.index.v1+json"]
    artifact_type: Literal["application/vnd.trivet.bundle.v1+json"]

    @property
    def created(self) -> datetime | None:
        """When it was made, by `SOURCE_DATE_EPOCH`."""
        return _time(self.annotations, CREATED)

    @property
    def expires(self) -> datetime | None:
        """From when on it is refused; None: never."""
        return _time(self.annotations, EXPIRES)

    @property
    def installer(self) -> str:
        """Digest of the script that installs it on a bare host; empty where it is for others."""
        return self.annotations.get(INSTALLER, "")

    @property
    def lock(self) -> str:
        """Digest of the lock that it carries."""
        return self.annotations.get(LOCK, "")

    @property
    def stack(self) -> str:
        """Name of the stack."""
        return self.annotations.get(STACK, "")


class Delta(Document):
    """What a bundle carries for those who have its base already."""

    schema_version: Literal[1]
    media_type: Literal["application/vnd.trivet.bundle.delta.v1+json"]
    index: Digest
    base: Digest
    carries: tuple[Digest, ...]


class Piece(Document):
    """A run of bytes of a blob that is too large for one medium; a file of its own, named by its own digest."""

    digest: Digest
    size: Size
    blob: Digest
    offset: Size


class Carried(Document):
    """A whole blob in a part."""

    digest: Digest
    size: Size


class Part(Document):
    """What one medium of several carries."""

    schema_version: Literal[1]
    media_type: Literal["application/vnd.trivet.bundle.part.v1+json"]
    index: Digest
    delta: Digest | None = None
    number: Count
    of: Count
    blobs: tuple[Carried, ...]
    pieces: tuple[Piece, ...]

    @property
    def files(self) -> Mapping[str, int]:
        """Every file below `blobs/`: its length by its digest."""
        return {blob.digest: blob.size for blob in self.blobs} | {piece.digest: piece.size for piece in self.pieces}


def index_annotations(stack: str, lock: str, created: datetime | None, expires: datetime | None) -> dict[str, str]:
    """What an index says of itself."""
    dates = {CREATED: created, EXPIRES: expires}
    return {STACK: stack, LOCK: lock} | {key: date.strftime(TIME_FORMAT) for key, date in dates.items() if date}


def empty_index(annotations: Mapping[str, str]) -> BundleIndex:
    """A bundle's index without contents."""
    return BundleIndex(
        schema_version=2,
        media_type="application/vnd.oci.image.index.v1+json",
        artifact_type="application/vnd.trivet.bundle.v1+json",
        manifests=(),
        annotations=dict(annotations),
    )


def parse_time(text: str) -> datetime:
    """A date as the documents write it, in UTC and whole seconds.

    Raises:
        ValueError: it is written otherwise.
    """
    time = datetime.strptime(text, TIME_FORMAT).replace(tzinfo=UTC)
    if time.strftime(TIME_FORMAT) != text:
        raise ValueError(text)
    return time


def _time(annotations: Mapping[str, str], key: str) -> datetime | None:
    text = annotations.get(key)
    if text is None:
        return None
    try:
        return parse_time(text)
    except ValueError as exc:
        raise DocumentError(
            where=INDEX_FILE,
            value=f"{key}: {text}",
            rule="dates are in UTC and written as 2030-12-31T00:00:00Z",
            remedy="make the bundle again",
        ) from exc
