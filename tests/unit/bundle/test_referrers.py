"""Lists of referrers on registries that keep none themselves."""

from __future__ import annotations

import json

import httpx
import pytest

from trivet.bundle.oci import INDEX, MANIFEST, Descriptor, Manifest
from trivet.bundle.referrers import list_referrer
from trivet.bundle.registry import Registry, RegistryError
from trivet.spec.digest import sha256_digest

SUBJECT = Descriptor(media_type=MANIFEST, digest=sha256_digest(b"image"), size=5)
CONFIG = Descriptor(media_type="application/vnd.oci.empty.v1+json", digest=sha256_digest(b"{}"), size=2)
TAG = f"/v2/a/manifests/{SUBJECT.digest.replace(':', '-')}"


class Tags:
    """A registry's tags; `status` is what it says to whoever asks for referrers."""

    def __init__(self, status: int) -> None:
        self.status = status
        self.texts: dict[str, bytes] = {}
        self.sent = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path == f"/v2/a/referrers/{SUBJECT.digest}":
            return httpx.Response(self.status)
        if request.method == "GET":
            return httpx.Response(200, content=self.texts[path]) if path in self.texts else httpx.Response(404)
        assert request.headers["Content-Type"] == INDEX
        self.texts[path] = request.content
        self.sent += 1
        return httpx.Response(201)


def bill(text: bytes, *, subject: Descriptor | None = SUBJECT) -> tuple[Descriptor, Manifest]:
    manifest = Manifest(
        schema_version=2, media_type=MANIFEST, artifact_type="application/x", config=CONFIG, layers=(), subject=subject
    )
    return Descriptor(media_type=MANIFEST, digest=sha256_digest(text), size=len(text)), manifest


def listed(tags: Tags, text: bytes, *, subject: Descriptor | None = SUBJECT) -> int:
    with httpx.Client(base_url="https://r", transport=httpx.MockTransport(tags)) as client:
        return list_referrer(Registry(client), "a", *bill(text, subject=subject))


@pytest.mark.parametrize("status", [404, 405])
def test_an_older_registry_gets_a_list_that_grows_and_keeps_what_is_in_it(status: int) -> None:
    tags = Tags(status)
    assert listed(tags, b"one") == len(tags.texts[TAG])
    assert listed(tags, b"two") == len(tags.texts[TAG])
    index = json.loads(tags.texts[TAG])
    assert index["mediaType"] == INDEX
    assert {each["digest"] for each in index["manifests"]} == {sha256_digest(b"one"), sha256_digest(b"two")}
    assert {each["artifactType"] for each in index["manifests"]} == {"application/x"}


def test_what_is_listed_is_not_sent_again() -> None:
    tags = Tags(404)
    listed(tags, b"one")
    assert listed(tags, b"one") == 0
    assert tags.sent == 1


def test_a_newer_registry_needs_none() -> None:
    tags = Tags(200)
    assert listed(tags, b"one") == 0
    assert tags.texts == {}


def test_what_is_about_nothing_is_in_no_list() -> None:
    tags = Tags(500)
    assert listed(tags, b"one", subject=None) == 0


def test_a_registry_that_fails_is_not_taken_for_an_older_one() -> None:
    with pytest.raises(RegistryError, match="500"):
        listed(Tags(500), b"one")
