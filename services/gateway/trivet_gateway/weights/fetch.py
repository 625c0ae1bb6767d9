"""Brings the files of a model into a directory: what is there is hashed and kept, what was cut off goes on.

Order: the manifest's digest, then its text; names and lengths; room; then each file, hashed while it is written, which
gets its name only when its digest is right.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final

from trivet_gateway.weights import WeightsError
from trivet_gateway.weights.registry import Artifact, Repository

FILE_PATH: Final = "org.cncf.model.filepath"
LIMIT: Final = 4 << 20  # bytes of a manifest
CHUNK: Final = 1 << 20
QUIET: Final = 10.0  # seconds between two lines of progress
LOG: Final = logging.getLogger(__name__)
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_AGAIN: Final = "push the bundle again; do not use these weights"


@dataclass(frozen=True)
class File:
    """One file of a model."""

    name: str
    digest: str
    size: int


def fetch_weights(repository: Repository, artifact: Artifact, into: Path) -> tuple[File, ...]:
    """Have all files of a model in a directory, verified.

    Raises:
        WeightsError: the registry does not give them, they are not what the digests promise, or there is no room.
    """
    files = _files(_manifest(repository, artifact.digest))
    into.mkdir(parents=True, exist_ok=True)
    missing = [file for file in files if not _is_there(into / file.name, file)]
    _require_room(into, sum(file.size - _have(_draft(into, file)) for file in missing))
    for file in missing:
        _fetch(repository, file, into)
    return files


def _manifest(repository: Repository, digest: str) -> bytes:
    with repository.manifest(digest) as answer:
        data = answer.read(LIMIT + 1)
    found = f"sha256:{hashlib.sha256(data).hexdigest()}"
    if found != digest:
        raise WeightsError(f"a manifest of digest {found}", f"its digest is {digest}", _AGAIN)
    return data


def _files(data: bytes) -> tuple[File, ...]:
    """The files that a manifest names.

    Raises:
        WeightsError: it names none, or one that is no plain file.
    """
    try:
        layers: list[dict[str, Any]] = json.loads(data)["layers"]
        files = tuple(File(each["annotations"][FILE_PATH], each["digest"], each["size"]) for each in layers)
    except (ValueError, KeyError, TypeError) as exc:
        raise WeightsError(
            f"a manifest that lacks {exc}", "a model is a ModelPack artifact, each layer a named file", _AGAIN
        ) from exc
    plain = all(
        _NAME.fullmatch(file.name) and _DIGEST.fullmatch(file.digest) and type(file.size) is int and file.size >= 0
        for file in files
    )
    if not plain or not files or len({file.name for file in files}) < len(files):
        raise WeightsError(
            ", ".join(str(file.name) for file in files) or "no file",
            "files have plain names, each once, and digests",
            _AGAIN,
        )
    return files


def _is_there(path: Path, file: File) -> bool:
    if not path.is_file() or path.stat().st_size != file.size:
        return False
    digest = hashlib.sha256()
    for chunk in _chunks(path):
        digest.update(chunk)
    if f"sha256:{digest.hexdigest()}" == file.digest:
        LOG.info("%s is there", file.name)
        return True
    path.unlink()
    return False


def _fetch(repository: Repository, file: File, into: Path) -> None:
    draft = _draft(into, file)
    digest, done, shown = hashlib.sha256(), 0, time.monotonic()
    if _have(draft) > file.size:
        draft.unlink()
    with draft.open("ab+") as out:
        for chunk in _chunks(draft):
            digest.update(chunk)
            done += len(chunk)
        if done < file.size or not file.size:
            with repository.blob(file.digest, done) as answer:
                if done and answer.status != HTTPStatus.PARTIAL_CONTENT:
                    out.truncate(0)
                    digest, done = hashlib.sha256(), 0
                while done <= file.size and (chunk := _read(answer, file)):
                    digest.update(chunk)
                    done += out.write(chunk)
                    if time.monotonic() - shown >= QUIET:
                        shown = time.monotonic()
                        LOG.info("%s: %d of %d MiB", file.name, done >> 20, file.size >> 20)
        out.flush()
        os.fsync(out.fileno())
    found = f"sha256:{digest.hexdigest()}"
    if done < file.size:
        raise WeightsError(
            f"{file.name}: cut off at {done} bytes", f"it has {file.size}", "start again: what is here stays"
        )
    if done != file.size or found != file.digest:
        draft.unlink()
        raise WeightsError(f"{file.name}: {done} bytes, {found}", f"it has {file.size} bytes, {file.digest}", _AGAIN)
    draft.replace(into / file.name)
    LOG.info("%s: fetched, %d MiB", file.name, file.size >> 20)


def _read(answer: Any, file: File) -> bytes:
    try:
        chunk: bytes = answer.read(CHUNK)
    except (OSError, HTTPException) as exc:
        raise WeightsError(
            f"{file.name}: {exc!r}", "the registry sends a file to its end", "start again: what is here stays"
        ) from exc
    return chunk


def _require_room(into: Path, wanted: int) -> None:
    free = shutil.disk_usage(into).free
    if free < wanted:
        raise WeightsError(
            f"{free >> 20} MiB free on {into}", f"{wanted >> 20} MiB are still to come", "give the volume more room"
        )


def _draft(into: Path, file: File) -> Path:
    return into / f".{file.digest.removeprefix('sha256:')}.partial"


def _have(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk
