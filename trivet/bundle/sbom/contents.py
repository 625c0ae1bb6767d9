"""What an image, a model or an artifact of files consists of, read from its blobs in the store."""

from __future__ import annotations

import json
import re
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from typing import IO, Any, Final

from cyclonedx.model.component import ComponentType

from trivet.bundle.deb import read_control
from trivet.bundle.files import DEBIAN, TOOLS, WHEELS
from trivet.bundle.layout import Layout
from trivet.bundle.modelpack import ARTIFACT as MODEL
from trivet.bundle.modelpack import FILE_PATH
from trivet.bundle.oci import CONFIG, Descriptor, Manifest
from trivet.bundle.sbom.document import Part
from trivet.bundle.sbom.stanzas import debian_parts, python_part
from trivet.bundle.trust import TITLE

STATUS: Final = re.compile(r"(?:\./)?var/lib/dpkg/(?:status|status\.d/[^/]+)")
METADATA: Final = re.compile(r"(?:.*/)?[^/]+\.dist-info/METADATA")
LIMIT: Final = 16 << 20  # bytes of one metadata file; real ones have a few kilobytes, dpkg's status a megabyte


def subject_of(layout: Layout, name: str, entry: Descriptor, manifest: Manifest) -> Part | None:
    """The component that an entry of the index is; None where nobody asks for its contents."""
    if manifest.config.media_type == CONFIG:
        return Part(name, entry.digest, ComponentType.CONTAINER, digest=entry.digest)
    if manifest.artifact_type == MODEL:
        return _model(layout, name, entry, manifest)
    if manifest.artifact_type in _FILES:
        return Part(name, entry.digest, ComponentType.FILE, digest=entry.digest)
    return None


def parts_of(layout: Layout, manifest: Manifest) -> Iterator[Part]:
    """What it consists of.

    Raises:
        IntegrityError: a blob is missing or has another length.
    """
    if manifest.config.media_type == CONFIG:
        for layer in manifest.layers:
            yield from _layer(layout, layer)
        return
    read = _FILES.get(manifest.artifact_type or "", _plain)
    for layer in manifest.layers:
        yield from read(layout, layer)


def _model(layout: Layout, name: str, entry: Descriptor, manifest: Manifest) -> Part:
    config: dict[str, Any] = json.loads(layout.read(manifest.config))
    facts = {key: str(text) for key, text in config.get("config", {}).items()}
    licences = config.get("descriptor", {}).get("licenses", ())
    return Part(
        name,
        entry.digest,
        ComponentType.MACHINE_LEARNING_MODEL,
        digest=entry.digest,
        licence=" AND ".join(licences),
        properties=facts,
    )


def _layer(layout: Layout, layer: Descriptor) -> Iterator[Part]:
    """Packages of an image's layer; none in what is no tar."""
    with layout.open(layer) as file:
        try:
            archive = tarfile.open(fileobj=file, mode="r:")  # noqa: SIM115  # opening is what may fail
        except tarfile.ReadError:
            return
        with archive:
            for member in archive:
                if member.isfile() and member.size <= LIMIT:
                    yield from _packages(member.name, partial(_member, archive, member))


def _packages(path: str, text: Callable[[], str]) -> Iterator[Part]:
    if STATUS.fullmatch(path):
        yield from debian_parts(text())
    elif METADATA.fullmatch(path) and (part := python_part(text())):
        yield part


def _plain(_: Layout, layer: Descriptor) -> Iterator[Part]:
    name = layer.annotations.get(TITLE) or layer.annotations.get(FILE_PATH) or layer.digest
    yield Part(name, kind=ComponentType.FILE, digest=layer.digest, properties={"bytes": str(layer.size)})


def _wheel(layout: Layout, layer: Descriptor) -> Iterator[Part]:
    with layout.open(layer) as file:
        try:
            archive = zipfile.ZipFile(file)
        except zipfile.BadZipFile:
            yield from _plain(layout, layer)
            return
        with archive:
            for name in archive.namelist():
                if name.count("/") == 1 and METADATA.fullmatch(name):
                    part = python_part(archive.read(name).decode("utf-8", "replace"), digest=layer.digest)
                    yield from (part,) if part else ()


def _debian(layout: Layout, layer: Descriptor) -> Iterator[Part]:
    control = read_control(layout.path(layer))
    yield from debian_parts(control, digest=layer.digest) if control else _plain(layout, layer)


def _member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    return _text(archive.extractfile(member))


def _text(file: IO[bytes] | None) -> str:
    return file.read().decode("utf-8", "replace") if file else ""


_FILES: Final = {WHEELS.artifact_type: _wheel, DEBIAN.artifact_type: _debian, TOOLS.artifact_type: _plain}
