"""The registry client, against a registry at the transport boundary that breaks where it is told to."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.unit.bundle.test_transfer import Counting
from trivet.bundle.extent import in_memory
from trivet.bundle.oci import LAYER, Descriptor
from trivet.bundle.progress import SILENT
from trivet.bundle.registry import Registry, RegistryError
from trivet.bundle.registry_auth import CredentialsError, RegistryAuth, read_credentials
from trivet.spec.digest import sha256_digest

HOST = "registry.example:5000"
DATA = os.urandom(10_000)
BLOB = Descriptor(media_type=LAYER, digest=sha256_digest(DATA), size=len(DATA))

UPLOAD = "/v2/a/blobs/uploads/1"

Handler = Callable[[httpx.Request], httpx.Response]


class Uploads:
    """One upload at a time, as the distribution specification has it; `breaks` is asked before each request."""

    def __init__(self, breaks: Callable[[httpx.Request], httpx.Response | None] | None = None) -> None:
        self.blobs: dict[str, bytes] = {}
        self.partial: bytes | None = None
        self.requests: list[str] = []
        self._breaks = breaks

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(f"{request.method} {request.url.path}")
        answer = self._breaks(request) if self._breaks else None
        if answer is not None:
            return answer
        if request.method == "POST":
            self.partial = b""
            return httpx.Response(202, headers={"Location": UPLOAD})
        if self.partial is None:
            return httpx.Response(404)
        return {"GET": self._status, "PATCH": self._patch, "PUT": self._put}[request.method](request, self.partial)

    def _status(self, _: httpx.Request, partial: bytes) -> httpx.Response:
        return httpx.Response(204, headers={"Range": f"0-{max(0, len(partial) - 1)}"})

    def _patch(self, request: httpx.Request, partial: bytes) -> httpx.Response:
        start, end = map(int, request.headers["Content-Range"].split("-"))
        if start != len(partial) or end - start + 1 != len(request.content):
            return httpx.Response(416)
        self.partial = partial + request.content
        return httpx.Response(202, headers={"Location": UPLOAD})

    def _put(self, request: httpx.Request, partial: bytes) -> httpx.Response:
        data = partial + request.content
        digest = request.url.params["digest"]
        if digest != sha256_digest(data):
            return httpx.Response(400, json={"errors": [{"code": "DIGEST_INVALID"}]})
        self.blobs[digest], self.partial = data, None
        return httpx.Response(201)


def registry(handler: Handler, *, auth: httpx.Auth | None = None, chunk: int = 3000) -> Registry:
    client = httpx.Client(base_url=f"https://{HOST}", transport=httpx.MockTransport(handler), auth=auth)
    return Registry(client, chunk=chunk, pause=0)


def breaking(*times: int, how: Handler) -> Callable[[httpx.Request], httpx.Response | None]:
    """Breaks the requests of these numbers."""
    count = iter(range(1000))
    return lambda request: how(request) if next(count) in times else None


def lost(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadError("connection reset", request=request)


def busy(_: httpx.Request) -> httpx.Response:
    return httpx.Response(503, text="busy")


def test_a_blob_is_sent_in_chunks_and_its_bytes_are_told_once() -> None:
    uploads, counting = Uploads(), Counting()
    registry(uploads).upload("a", BLOB, in_memory(DATA, "x"), counting)
    assert uploads.blobs == {BLOB.digest: DATA}
    assert [line.split()[0] for line in uploads.requests] == ["POST", "PATCH", "PATCH", "PATCH", "PUT"]
    assert counting.total == len(DATA)


def test_a_small_blob_is_sent_at_once() -> None:
    uploads = Uploads()
    registry(uploads, chunk=20_000).upload("a", BLOB, in_memory(DATA, "x"), SILENT)
    assert [line.split()[0] for line in uploads.requests] == ["POST", "PUT"]


@pytest.mark.parametrize("how", [lost, busy])
@pytest.mark.parametrize("at", [0, 1, 2, 3, 4])
def test_a_broken_upload_goes_on_where_the_registry_has_it(at: int, how: Handler) -> None:
    uploads, counting = Uploads(breaking(at, how=how)), Counting()
    registry(uploads).upload("a", BLOB, in_memory(DATA, "x"), counting)
    assert uploads.blobs == {BLOB.digest: DATA}
    assert counting.total == len(DATA)
    assert sum(line.startswith("PATCH") for line in uploads.requests) <= 4


def test_an_upload_that_the_registry_has_forgotten_begins_anew() -> None:
    def forget(request: httpx.Request) -> httpx.Response:
        uploads.partial = None
        return lost(request)

    uploads = Uploads(breaking(3, how=forget))
    registry(uploads).upload("a", BLOB, in_memory(DATA, "x"), SILENT)
    assert uploads.blobs == {BLOB.digest: DATA}
    assert sum(line.startswith("POST") for line in uploads.requests) == 2


def test_a_registry_that_never_comes_back_is_given_up_with_a_remedy() -> None:
    with pytest.raises(RegistryError, match="connection reset") as caught:
        registry(lost).upload("a", BLOB, in_memory(DATA, "x"), SILENT)
    assert "what is there is skipped" in caught.value.remedy


def test_a_refusal_is_not_tried_again() -> None:
    uploads = Uploads(lambda _: httpx.Response(403, text="denied"))
    with pytest.raises(RegistryError, match="403 denied") as caught:
        registry(uploads).upload("a", BLOB, in_memory(DATA, "x"), SILENT)
    assert len(uploads.requests) == 1
    assert caught.value.status == 403


def test_a_registry_that_gets_other_bytes_says_so() -> None:
    with pytest.raises(RegistryError, match="DIGEST_INVALID"):
        registry(Uploads()).upload("a", BLOB, in_memory(DATA[::-1], "x"), SILENT)


@pytest.mark.parametrize(("status", "mounted"), [(201, True), (202, False)])
def test_a_mount_that_the_registry_declines_leaves_no_upload_open(status: int, mounted: bool) -> None:
    methods: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        methods.append(request.method)
        if request.method == "POST":
            assert dict(request.url.params) == {"mount": BLOB.digest, "from": "b"}
            return httpx.Response(status, headers={"Location": "/v2/a/blobs/uploads/1"})
        return httpx.Response(204)

    assert registry(handler).mount("a", BLOB.digest, "b") is mounted
    assert methods == (["POST"] if mounted else ["POST", "DELETE"])


# Who asks


def credentials_file(path: Path) -> Path:
    auth = base64.b64encode(b"officer:s:ecret").decode()
    path.write_text(json.dumps({"auths": {HOST: {"auth": auth}, "other.example": {}}}))
    return path


def test_credentials_are_those_of_the_host(tmp_path: Path) -> None:
    file = credentials_file(tmp_path / "auth.json")
    assert read_credentials(file, HOST) == ("officer", "s:ecret")
    assert read_credentials(file, "other.example") is None
    assert read_credentials(file, "unknown.example") is None


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"auths": {"registry.example:5000": {"auth": "?"}}}', '{"auths": []}']
)
def test_a_file_without_credentials_is_refused_without_showing_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "auth.json").write_text(text)
    with pytest.raises(CredentialsError, match=r"skopeo login") as caught:
        read_credentials(tmp_path / "auth.json", HOST)
    assert "ecret" not in str(caught.value)


class Guarded:
    """A registry that wants to know who asks, by password or by token; it counts how often it had to ask."""

    def __init__(self, scheme: str) -> None:
        self.challenges = 0
        self.scopes: list[list[str]] = []
        self._scheme = scheme

    def __call__(self, request: httpx.Request) -> httpx.Response:
        sent = request.headers.get("Authorization", "")
        basic = httpx.BasicAuth("officer", "s:ecret")._auth_header
        if request.url.host == "tokens.example":
            if sent != basic:
                return httpx.Response(401)
            self.scopes.append(request.url.params.get_list("scope"))
            return httpx.Response(200, json={"token": f"token {'+'.join(self.scopes[-1])}"})
        if self._scheme == "basic" and sent == basic:
            return httpx.Response(200)
        repository = (re.search(r"/v2/(\w+)/", request.url.path) or ["", ""])[1]
        if self._scheme == "bearer" and sent.startswith(f"Bearer token repository:{repository}:pull,push"):
            return httpx.Response(200)
        self.challenges += 1
        challenge = {
            "basic": 'Basic realm="registry"',
            "bearer": 'Bearer realm="https://tokens.example/auth",service="registry",'
            f'scope="repository:{repository}:pull,push"',
        }[self._scheme]
        return httpx.Response(401, headers={"WWW-Authenticate": challenge})


@pytest.mark.parametrize("scheme", ["basic", "bearer"])
def test_a_challenge_is_answered_once_a_repository(scheme: str) -> None:
    guarded = Guarded(scheme)
    client = registry(guarded, auth=RegistryAuth(HOST, ("officer", "s:ecret")))
    assert all(client.has_blob("a", BLOB.digest) for _ in range(3))
    assert guarded.challenges == 1
    assert client.has_blob("b", BLOB.digest)
    assert guarded.challenges == 2


def test_a_token_for_a_mount_covers_both_repositories() -> None:
    guarded = Guarded("bearer")
    client = registry(guarded, auth=RegistryAuth(HOST, ("officer", "s:ecret")))
    with pytest.raises(RegistryError, match="POST /v2/a/blobs/uploads/: 200"):
        client.mount("a", BLOB.digest, "b")
    assert guarded.scopes == [["repository:a:pull,push", "repository:b:pull"]]


@pytest.mark.parametrize("scheme", ["basic", "bearer"])
@pytest.mark.parametrize("known", [None, ("officer", "wrong")])
def test_nobody_else_gets_in(scheme: str, known: tuple[str, str] | None) -> None:
    client = registry(Guarded(scheme), auth=RegistryAuth(HOST, known))
    with pytest.raises(RegistryError, match="401") as caught:
        client.has_blob("a", BLOB.digest)
    assert "--credentials" in caught.value.remedy
    assert "wrong" not in str(caught.value)


def test_another_host_gets_no_credentials() -> None:
    seen: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("Authorization", "none"))
        return httpx.Response(401, headers={"WWW-Authenticate": "Basic"})

    client = httpx.Client(transport=httpx.MockTransport(handler), auth=RegistryAuth(HOST, ("officer", "s:ecret")))
    client.get("https://storage.example/v2/a/blobs/x")
    assert seen == ["none"]
