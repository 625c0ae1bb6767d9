"""Fetches one file over HTTPS: resumes what was cut off, and names the file only when it is whole and verified.

Order of checks: the address is https (redirects too), the status, the announced length against the limit and the disk,
every byte received against the limit, and last the digest. A broken connection is taken up where it stopped; a file
that has changed on the server meanwhile (its ETag or date says so) is fetched from the start.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import httpx

from trivet import __version__
from trivet.errors import IntegrityError, ModelError

LIMIT: Final = 2 << 40  # bytes; larger than any published file of weights
TRIES: Final = 5  # in a row without one byte of progress
RETRIED: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
REPORT_SECONDS: Final = 5.0

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Wanted:
    """What to fetch: `digest` is `sha256:…`, or None where it is not known yet; `limit` in bytes."""

    url: str
    digest: str | None = None
    limit: int = LIMIT


def https_client() -> httpx.Client:
    """A client that speaks https only, follows redirects, and waits 10 s for a connection and 60 s for the next byte.

    Proxies and certificates come from the environment (`HTTPS_PROXY`, `SSL_CERT_FILE`).
    """
    return httpx.Client(
        timeout=httpx.Timeout(60, connect=10),
        follow_redirects=True,
        max_redirects=5,
        headers={"User-Agent": f"trivet/{__version__}", "Accept-Encoding": "identity"},
        event_hooks={"request": [_require_https]},
    )


def download(client: httpx.Client, wanted: Wanted, target: Path, say: Progress, *, pause: float = 1.0) -> str:
    """Fetch a file to `target` and return its digest.

    What an interrupted call leaves is in `target` plus `.partial`; the next call goes on from there.

    Args:
        client: see `https_client`.
        wanted: the file.
        target: its folder must exist.
        say: gets a line now and then.
        pause: seconds before the second try of a request; doubled each time.

    Raises:
        ModelError: the server refuses, stays unreachable, or the file is larger than the limit or the disk.
        IntegrityError: the bytes have another digest; they are removed.
    """
    partial = _Partial(target)
    stalled = 0
    while True:
        before = partial.size
        try:
            _receive(client, wanted, partial, say)
            break
        except (httpx.TransportError, _AgainError) as exc:
            stalled = 0 if partial.size > before else stalled + 1
            if stalled >= TRIES:
                raise ModelError(
                    where=wanted.url,
                    value=str(exc) or type(exc).__name__,
                    rule=f"a download goes on within {TRIES} tries",
                    remedy="check the network and run the command again: it resumes",
                ) from exc
            time.sleep(pause * 2**stalled)
    return partial.finish(wanted, target)


class _AgainError(Exception):
    """The request is worth repeating."""


class _Partial:
    """The bytes received so far, and what the server called this version of the file."""

    def __init__(self, target: Path) -> None:
        self.path = target.with_name(f"{target.name}.partial")
        self._label = target.with_name(f"{target.name}.version")

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def version(self) -> str:
        return self._label.read_text(encoding="utf-8") if self._label.exists() else ""

    def restart(self, version: str) -> None:
        self.path.write_bytes(b"")
        self._label.write_text(version, encoding="utf-8")

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)
        self._label.unlink(missing_ok=True)

    def finish(self, wanted: Wanted, target: Path) -> str:
        with self.path.open("rb") as file:
            digest = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
            os.fsync(file.fileno())
        if wanted.digest not in {None, digest}:
            self.discard()
            raise IntegrityError(
                where=wanted.url,
                value=digest,
                rule=f"the file has the digest {wanted.digest}",
                remedy="compare with the publisher's digest: the file was changed there, or on the way",
            )
        self.path.replace(target)
        self.discard()
        return digest


def _receive(client: httpx.Client, wanted: Wanted, partial: _Partial, say: Progress) -> None:
    headers = _resume_headers(wanted, partial)
    with client.stream("GET", wanted.url, headers=headers) as response:
        if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            if _total(response) == partial.size:
                return
            partial.discard()
            raise _AgainError("the server has another length than before")
        _require_success(response)
        if response.status_code != httpx.codes.PARTIAL_CONTENT:
            partial.restart(_version(response))
        elif not re.match(rf"bytes {partial.size}-", response.headers.get("Content-Range", "")):
            partial.discard()
            raise _AgainError("the server sent another range than asked for")
        announced = int(response.headers.get("Content-Length", "0"))
        _require_room(wanted, partial, announced)
        with partial.path.open("ab") as file:
            _copy(response, file, wanted, announced + partial.size, say)


def _resume_headers(wanted: Wanted, partial: _Partial) -> dict[str, str]:
    """Ask for the rest only where a changed file would be noticed: by its version, or at the end by its digest."""
    if not partial.size or not (partial.version() or wanted.digest):
        return {}
    return {"Range": f"bytes={partial.size}-"} | ({"If-Range": partial.version()} if partial.version() else {})


def _copy(response: httpx.Response, file: BinaryIO, wanted: Wanted, total: int, say: Progress) -> None:
    next_report = time.monotonic() + REPORT_SECONDS
    try:
        for chunk in response.iter_raw():
            file.write(chunk)
            if file.tell() > wanted.limit:
                raise _too_large(wanted, file.tell())
            if time.monotonic() > next_report:
                say(f"  {wanted.url.rpartition('/')[2][:60]}: {file.tell() >> 20:,} of {total >> 20:,} MiB")
                next_report = time.monotonic() + REPORT_SECONDS
    except OSError as exc:
        if exc.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise _no_room(wanted, Path(file.name), total) from exc


def _version(response: httpx.Response) -> str:
    """A strong ETag, or a date: what `If-Range` takes."""
    etag: str = response.headers.get("ETag", "")
    return response.headers.get("Last-Modified", "") if etag in {"", "W/"} or etag.startswith("W/") else etag


def _total(response: httpx.Response) -> int:
    match = re.fullmatch(r"bytes \*/(\d+)", response.headers.get("Content-Range", ""))
    return int(match[1]) if match else -1


def _require_https(request: httpx.Request) -> None:
    if request.url.scheme != "https":
        raise ModelError(value=str(request.url), rule="weights are fetched over https", remedy="use the https address")


def _require_success(response: httpx.Response) -> None:
    if response.status_code in RETRIED:
        raise _AgainError(f"HTTP {response.status_code}")
    if response.status_code not in {httpx.codes.OK, httpx.codes.PARTIAL_CONTENT}:
        remedy = "check the address"
        if response.status_code in {401, 403}:
            remedy = "the publisher asks for a login: fetch the file yourself, then `trivet models add PATH`"
        raise ModelError(
            where=str(response.url),
            value=f"HTTP {response.status_code}",
            rule="the server sends the file",
            remedy=remedy,
        )


def _require_room(wanted: Wanted, partial: _Partial, announced: int) -> None:
    if partial.size + announced > wanted.limit:
        raise _too_large(wanted, partial.size + announced)
    if announced > shutil.disk_usage(partial.path.parent).free:
        raise _no_room(wanted, partial.path, announced)


def _too_large(wanted: Wanted, size: int) -> ModelError:
    return ModelError(
        where=wanted.url, value=f"{size:,} bytes", rule=f"at most {wanted.limit:,} bytes", remedy="check the address"
    )


def _no_room(wanted: Wanted, path: Path, size: int) -> ModelError:
    return ModelError(
        where=wanted.url,
        value=f"{size:,} bytes for {path.parent}",
        rule="the disk has room for the weights",
        remedy=f"free space (`df -h {path.parent}`) and run the command again: it resumes",
    )
