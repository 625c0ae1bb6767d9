"""`push` against a real registry, the one that Debian packages, on loopback."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.program.registry_server import Server, served
from tests.unit.bundle.bundles import IMAGES, MODELS, NOW, Seed, pinned, seed
from tests.unit.bundle.test_transfer import Counting
from trivet.bundle import push
from trivet.bundle.push import Pushed, push_bundle
from trivet.bundle.refusals import BaseError, DigestError
from trivet.bundle.registry import Registry, RegistryError

LARGE = os.urandom(3_000_000)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    yield from served(tmp_path / "open", guarded=False)


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Server]:
    yield from served(tmp_path / "guarded", guarded=True)


@pytest.fixture
def origin(tmp_path: Path) -> Seed:
    return seed(tmp_path / "store", models={**MODELS, "large": {"large.gguf": LARGE}})


def pushed(bundle: Path, server: Server, **more: object) -> Pushed:
    return push_bundle(bundle, server.destination, pinned(), now=NOW, **more)  # type: ignore[arg-type]


def test_everything_in_a_bundle_arrives_to_the_byte(origin: Seed, server: Server, tmp_path: Path) -> None:
    bundle = origin.bundle(tmp_path / "b")
    done = pushed(bundle, server)
    # The layer that both images share is sent once, and so is the empty config that files and bills of materials share.
    bills = [name for name in done.trusted.names if name.startswith("sbom/")]
    assert done.mounted == len(bills)
    for name, manifest in done.trusted.names.items():
        repository, digest = done.references[name].removeprefix(f"{server.host}/").split("@")
        for path in (f"manifests/{digest}", f"manifests/{digest.removeprefix('sha256:')[:12]}"):
            answer = server.get(f"/v2/{repository}/{path}", Accept="application/vnd.oci.image.manifest.v1+json")
            assert answer.content == (bundle / "blobs" / "sha256" / digest.removeprefix("sha256:")).read_bytes()
        for blob in manifest.blobs:
            answer = server.get(f"/v2/{repository}/blobs/{blob.digest}")
            assert answer.content == (bundle / "blobs" / "sha256" / blob.digest.removeprefix("sha256:")).read_bytes()
    assert "/image/llama@" in done.references["sbom/image-llama"]  # a registry lists it as a referrer of the image


def test_a_registry_without_a_list_of_referrers_gets_one_under_a_tag(
    origin: Seed, server: Server, tmp_path: Path
) -> None:
    done = pushed(origin.bundle(tmp_path / "b"), server)
    repository, digest = done.references["image/llama"].removeprefix(f"{server.host}/").split("@")
    assert server.get(f"/v2/{repository}/referrers/{digest}").status_code == 404
    tag = digest.replace(":", "-")
    index = "application/vnd.oci.image.index.v1+json"
    answer = server.get(f"/v2/{repository}/manifests/{tag}", Accept=index)
    assert answer.headers["Content-Type"] == index
    (listed,) = answer.json()["manifests"]
    assert listed["digest"] == done.references["sbom/image-llama"].rpartition("@")[2]
    assert listed["artifactType"] == "application/vnd.cyclonedx+json"


def test_what_is_there_is_not_sent_again(origin: Seed, server: Server, tmp_path: Path) -> None:
    bundle = origin.bundle(tmp_path / "b")
    pushed(bundle, server)
    again = pushed(bundle, server)
    assert (again.uploaded, again.mounted) == (0, 0)


def test_an_update_sends_what_its_base_lacks(origin: Seed, server: Server, tmp_path: Path) -> None:
    base = origin.bundle(tmp_path / "b")
    models = {**MODELS, "large": {"large.gguf": LARGE}}
    newer = seed(tmp_path / "newer", images={**IMAGES, "llama": (b"base layer" * 90, b"new")}, models=models)
    delta = newer.bundle(tmp_path / "d", since=base)
    with pytest.raises(BaseError, match="push the base"):
        pushed(delta, server)
    pushed(base, server)
    assert pushed(delta, server).uploaded < 4000


def test_a_registry_that_dies_in_the_middle_gets_the_rest_when_it_is_back(
    origin: Seed, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Dying(Counting):
        """Kills the registry once, in the middle of the large blob, and starts it again."""

        def advance(self, count: int) -> None:
            super().advance(count)
            if count > 400_000 and self.total > 1_000_000 and not died:
                died.append(True)
                server.kill()
                server.start()

    died: list[bool] = []
    monkeypatch.setattr(push, "Registry", lambda client: Registry(client, chunk=500_000, pause=0.1))
    monkeypatch.setattr(push, "CONNECTIONS", 1)
    progress = Dying()
    bundle = origin.bundle(tmp_path / "b")
    pushed(bundle, server, progress=progress)
    assert died
    assert pushed(bundle, server).uploaded == 0


def test_nothing_of_an_unsound_bundle_is_sent(origin: Seed, server: Server, tmp_path: Path) -> None:
    bundle = origin.bundle(tmp_path / "b")
    path = next((bundle / "blobs" / "sha256").iterdir())
    path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(DigestError):
        pushed(bundle, server)
    assert server.get("/v2/_catalog").json() == {"repositories": []}


def test_credentials_come_from_a_file(origin: Seed, guarded: Server, tmp_path: Path) -> None:
    bundle, file = origin.bundle(tmp_path / "b"), tmp_path / "auth.json"
    with pytest.raises(RegistryError, match="401"):
        pushed(bundle, guarded)
    for password, works in (("wrong", False), ("s:ecret", True)):
        auth = base64.b64encode(f"officer:{password}".encode()).decode()
        file.write_text(json.dumps({"auths": {guarded.host: {"auth": auth}}}))
        if works:
            assert pushed(bundle, guarded, credentials=file).uploaded > len(LARGE)
        else:
            with pytest.raises(RegistryError, match="401"):
                pushed(bundle, guarded, credentials=file)
