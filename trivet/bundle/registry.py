"""A client of the OCI distribution API, as far as filling a registry needs it.

Every step asks first and may be done again: what is there is left alone, and an upload that broke off goes on where the
registry says it stopped. The registry hashes what it gets and refuses what does not have its digest.

Source: https://github.com/opencontainers/distribution-spec (v1.1)
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

import httpx

from trivet.bundle.extent import Extents, cut, pump
from trivet.bundle.oci import Descriptor
from trivet.bundle.progress import Progress
from trivet.errors import HostError

CHUNK: Final = 64 << 20  # bytes of one request, and at most lost when a connection breaks
BUFFER: Final = 1 << 20
TRIES: Final = 4
TIMEOUT: Final = httpx.Timeout(10, read=300, write=60)  # seconds; a registry hashes a large blob before it answers
_BROKEN: Final = {408, 429, 500, 502, 503, 504}


class RegistryError(HostError):
    """A registry cannot be reached, or refuses.

    Attributes:
        status: of its answer; 0 without one.
    """

    def __init__(self, *, value: object, rule: str, remedy: str, where: str = "", status: int = 0) -> None:
        self.status = status
        super().__init__(value=value, rule=rule, remedy=remedy, where=where)


class Registry:
    """One registry; a client may be used by several threads."""

    def __init__(self, client: httpx.Client, *, chunk: int = CHUNK, pause: float = 1.0) -> None:
        """Speak through a client whose base URL is the registry's.

        Args:
            client: with time-outs and credentials.
            chunk: bytes of one request.
            pause: seconds before the second try; twice as long before each further one.
        """
        self._client = client
        self._chunk = chunk
        self._pause = pause

    def has_blob(self, repository: str, digest: str) -> bool:
        """Whether a repository has a blob."""
        return self._exists(f"/v2/{repository}/blobs/{digest}")

    def has_manifest(self, repository: str, tag: str, manifest: Descriptor) -> bool:
        """Whether a repository has this manifest under that tag."""
        path = f"/v2/{repository}/manifests/{tag}"
        answer = self._send("HEAD", path, {200, 404}, headers={"Accept": manifest.media_type})
        return bool(answer.headers.get("Docker-Content-Digest") == manifest.digest)

    def lists_referrers(self, repository: str, digest: str) -> bool:
        """Whether the registry itself knows what is about a manifest: OCI's distribution 1.1."""
        answer = self._send("GET", f"/v2/{repository}/referrers/{digest}", {200, 404, 405})
        return answer.status_code == httpx.codes.OK

    def read_manifest(self, repository: str, tag: str, media_type: str) -> bytes:
        """The bytes of what is under a tag; empty where nothing is."""
        path = f"/v2/{repository}/manifests/{tag}"
        answer = self._send("GET", path, {200, 404}, headers={"Accept": media_type})
        return answer.content if answer.status_code == httpx.codes.OK else b""

    def mount(self, repository: str, digest: str, source: str) -> bool:
        """Take over a blob of another repository; False where the registry will not."""
        path = f"/v2/{repository}/blobs/uploads/"
        answer = self._send("POST", path, {201, 202}, params={"mount": digest, "from": source})
        if answer.status_code == httpx.codes.CREATED:
            return True
        self._send("DELETE", answer.headers["Location"], {200, 202, 204, 404, 405})
        return False

    def upload(self, repository: str, blob: Descriptor, extents: Extents, progress: Progress) -> None:
        """Send a blob, in chunks; after a break, from where the registry has it.

        Raises:
            RegistryError: the registry refuses, or does not come back.
            IntegrityError: the blob's file cannot be read.
        """
        done = 0
        location = ""
        for attempt in range(TRIES):
            try:
                if attempt:
                    location, found = self._resume(location)
                    done = _told(progress, found, done)
                location = location or self._begin(repository)
                while blob.size - done > self._chunk:
                    location = self._patch(location, extents, done)
                    done = _told(progress, done + self._chunk, done)
                body = _Body(extents, done, blob.size - done)
                self._send("PUT", location, {201}, params={"digest": blob.digest}, content=body, headers=body.headers)
                _told(progress, blob.size, done)
            except RegistryError as exc:
                if attempt == TRIES - 1 or exc.status not in _BROKEN | {0, 416}:
                    raise
                time.sleep(self._pause * 2**attempt)
            else:
                return

    def put_manifest(self, repository: str, tag: str, media_type: str, data: bytes) -> None:
        """Store a manifest under a tag, once its blobs are there."""
        self._send(
            "PUT", f"/v2/{repository}/manifests/{tag}", {201}, content=data, headers={"Content-Type": media_type}
        )

    def _exists(self, path: str) -> bool:
        return self._send("HEAD", path, {200, 404}).status_code == httpx.codes.OK

    def _begin(self, repository: str) -> str:
        answer = self._send("POST", f"/v2/{repository}/blobs/uploads/", {202})
        return str(answer.headers["Location"])

    def _patch(self, location: str, extents: Extents, done: int) -> str:
        body = _Body(extents, done, self._chunk)
        headers = {**body.headers, "Content-Range": f"{done}-{done + self._chunk - 1}"}
        return str(self._send("PATCH", location, {202}, content=body, headers=headers).headers["Location"])

    def _resume(self, location: str) -> tuple[str, int]:
        """Where an upload stands; nowhere, if the registry has forgotten it."""
        if not location:
            return "", 0
        answer = self._send("GET", location, {204, 404})
        if answer.status_code == httpx.codes.NOT_FOUND:
            return "", 0
        last = answer.headers.get("Range", "").rpartition("-")[2]
        # Nothing yet is written as 0-0 by some and left out by others: one byte looks the same, so begin anew then.
        return (answer.headers.get("Location", location), int(last) + 1) if last.isdigit() and last != "0" else ("", 0)

    def _send(
        self,
        method: str,
        url: str,
        expected: set[int],
        *,
        params: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        content: bytes | _Body | None = None,
    ) -> httpx.Response:
        target = httpx.URL(url)
        if params:
            target = target.copy_merge_params(params)
        try:
            answer = self._client.request(method, target, headers=headers, content=content)
        except httpx.TransportError as exc:
            raise RegistryError(
                where=str(self._client.base_url),
                value=f"{method} {target.path}: {type(exc).__name__}: {exc}",
                rule="the registry can be reached",
                remedy="check its address and certificate, then run the command again: what is there is skipped",
            ) from exc
        if answer.status_code in expected:
            return answer
        raise RegistryError(
            where=str(self._client.base_url),
            value=f"{method} {target.path}: {answer.status_code} {answer.text[:200]}",
            rule="the registry takes what is pushed to it",
            remedy=_remedy(answer.status_code),
            status=answer.status_code,
        )


class _Body:
    """Part of a blob, as a request's body that can be sent again."""

    def __init__(self, extents: Extents, offset: int, size: int) -> None:
        self._extents = cut(extents, offset, size)
        self.headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}

    def __iter__(self) -> Iterator[bytes]:
        for chunk in pump(self._extents, [memoryview(bytearray(BUFFER))]):
            yield bytes(chunk)


def _told(progress: Progress, now: int, before: int) -> int:
    progress.advance(now - before)
    return now


def _remedy(status: int) -> str:
    if status in {401, 403}:
        return "`skopeo login --authfile FILE HOST`, then pass --credentials FILE; the account must be able to push"
    return "see the registry's log; running the command again skips what is there"
