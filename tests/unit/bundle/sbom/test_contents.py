"""Bills of materials say what is really inside: packages of layers, wheels and Debian archives."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.unit.bundle.bundles import CREATED, seed
from trivet.bundle.files import DEBIAN, TOOLS, WHEELS, Kind
from trivet.bundle.oci import Manifest
from trivet.bundle.sbom.attach import attach_sboms
from trivet.bundle.sbom.names import ARTIFACT, sbom_name

STATUS = "Package: libc6\nStatus: install ok installed\nVersion: 2.41-12\nArchitecture: amd64\nSource: glibc\n"
REMOVED = "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\nArchitecture: amd64\n"
METADATA = "Metadata-Version: 2.4\nName: Typing_Extensions\nVersion: 4.16.0\nLicense-Expression: PSF-2.0\n\nText\n"
CONTROL = "Package: docker.io\nVersion: 1:26.1\nArchitecture: amd64\nDescription: engine\n of containers\n"


def tar(files: dict[str, str], mode: str = "w") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    return buffer.getvalue()


def wheel(metadata: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("typing_extensions-4.16.0.dist-info/METADATA", metadata)
        archive.writestr("vendored/other-1.dist-info/METADATA", "Name: other\nVersion: 1\n")
    return buffer.getvalue()


def package(control: str) -> bytes:
    def member(name: str, data: bytes) -> bytes:
        head = f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}".encode() + b"`\n"
        return head + data + b"\n" * (len(data) % 2)

    archive = tar({"./control": control}, "w:xz")
    parts = {"debian-binary": b"2.0\n", "control.tar.xz": archive, "data.tar.xz": b"x"}
    return b"!<arch>\n" + b"".join(member(name, data) for name, data in parts.items())


def bills(root: Path, **contents: Any) -> dict[str, dict[str, Any]]:
    """Every bill of a store, by the name of what it is of."""
    origin = seed(root, **contents)
    entries = origin.store.index().manifests
    attached, blobs = attach_sboms(origin.store, entries, CREATED)
    found = {}
    for subject, entry in zip(entries, attached, strict=True):
        manifest = Manifest.parse(blobs[entry.digest], entry.ref)
        assert entry.ref == sbom_name(subject.ref)
        assert entry.artifact_type == manifest.artifact_type == ARTIFACT
        assert manifest.subject
        assert (manifest.subject.digest, manifest.subject.size) == (subject.digest, subject.size)
        document = blobs[manifest.layers[0].digest]
        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(document.decode()) is None
        found[subject.ref] = json.loads(document)
    return found


def purls(bill: dict[str, Any]) -> list[str]:
    return [each["purl"] for each in bill["components"]]


def artifact(root: Path, kind: Kind, **files: bytes) -> dict[str, Any]:
    bill = bills(root, images={}, models={}, artifacts={"part/one": (kind, {**files})})
    return bill["part/one"]


def test_an_image_s_packages_are_those_of_dpkg_and_of_python(tmp_path: Path) -> None:
    python = "usr/lib/python3/dist-packages/a-1.dist-info/METADATA"
    base = tar({"./var/lib/dpkg/status.d/libc6": STATUS, python: METADATA, "etc/x": "y"})
    bill = bills(tmp_path / "s", images={"gateway": (base, b"no tar")}, models={})["image/gateway"]
    assert bill["metadata"]["component"]["type"] == "container"
    assert purls(bill) == ["pkg:pypi/typing-extensions@4.16.0", "pkg:deb/debian/libc6@2.41-12?arch=amd64"]
    typing, libc = bill["components"]
    assert {"name": "dev.trivet:source", "value": "glibc"} in libc["properties"]
    assert typing["licenses"] == [{"license": {"id": "PSF-2.0"}}]


def test_packages_that_were_removed_are_not_listed(tmp_path: Path) -> None:
    base = tar({"var/lib/dpkg/status": f"{STATUS}\n{REMOVED}"})
    bill = bills(tmp_path / "s", images={"llama": (base,)}, models={})["image/llama"]
    assert purls(bill) == ["pkg:deb/debian/libc6@2.41-12?arch=amd64"]


def test_a_model_is_a_machine_learning_model_with_its_weights(tmp_path: Path) -> None:
    bill = bills(tmp_path / "s", images={}, models={"tiny": {"tiny.gguf": b"GGUF"}})["model/tiny"]
    assert bill["metadata"]["component"]["type"] == "machine-learning-model"
    assert [each["name"] for each in bill["components"]] == ["tiny.gguf"]


def test_wheels_are_named_by_their_metadata_and_not_by_what_they_vendor(tmp_path: Path) -> None:
    bill = artifact(tmp_path / "s", WHEELS, **{"typing_extensions-4.16.0-py3-none-any.whl": wheel(METADATA)})
    assert purls(bill) == ["pkg:pypi/typing-extensions@4.16.0"]
    assert bill["components"][0]["hashes"][0]["alg"] == "SHA-256"


def test_debian_packages_have_the_version_of_their_control_file(tmp_path: Path) -> None:
    bill = artifact(tmp_path / "s", DEBIAN, **{"docker.io_26.1_amd64.deb": package(CONTROL)})
    assert purls(bill) == ["pkg:deb/debian/docker.io@1:26.1?arch=amd64"]


@pytest.mark.parametrize("kind", [WHEELS, DEBIAN, TOOLS])
def test_what_cannot_be_read_as_a_package_is_listed_as_a_file(tmp_path: Path, kind: Kind) -> None:
    bill = artifact(tmp_path / "s", kind, pulumi=b"\x7fELF")
    assert [(each["name"], each["type"]) for each in bill["components"]] == [("pulumi", "file")]


def test_the_same_contents_give_the_same_bytes(tmp_path: Path) -> None:
    one, two = bills(tmp_path / "a"), bills(tmp_path / "b" / "deep")
    assert one == two
    assert {bill["serialNumber"] for bill in one.values()} == {bill["serialNumber"] for bill in two.values()}
    assert len({bill["serialNumber"] for bill in one.values()}) == len(one)
    assert {bill["metadata"]["timestamp"] for bill in one.values()} == {"2026-01-01T00:00:00Z"}
