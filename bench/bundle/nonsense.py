"""What no bundle may say, whoever signed it: each is signed by the pinned key, and refused all the same."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.unit.bundle.bundles import NOW, pinned, signer, tree
from trivet.bundle.create import sign_documents
from trivet.bundle.install import Target, install_bundle
from trivet.errors import IntegrityError
from trivet.spec.digest import canonical_json, sha256_digest

Json = dict[str, Any]
REF = "org.opencontainers.image.ref.name"
BAD_PATHS = ("../x", "/etc/passwd", "a/../../x", "a//b", ".ssh/authorized_keys", "", "a\x00b", "-rf")
BAD_NAMES = ("../image/x", "image/../x", "/image/x", "image", "IMAGE/x", "image/x/y", "")
BAD_DATES = ("2020-01-01T00:00:00Z", "tomorrow", "", "2030-13-01T00:00:00Z")
COMPRESSED = (
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd",
    "application/zip",
)
SIZES = (-1, 0, 1 << 62, 1 << 70, "7", None, 1.5)
DIGESTS = ("sha256:../../etc/passwd", "sha512:00", "", "sha256:" + "G" * 64, None)


def cases() -> list[tuple[str, Callable[[Path], None]]]:
    """Every case by name."""
    found: list[tuple[str, Callable[[Path], None]]] = []
    found += [(f"file name {path!r}", _layer(_title(path))) for path in BAD_PATHS]
    found += [(f"entry name {name!r}", _index(_name(name))) for name in BAD_NAMES]
    found += [(f"expires {date!r}", _index(_expires(date))) for date in BAD_DATES]
    found += [(f"layer {kind}", _layer(_media_type(kind))) for kind in COMPRESSED]
    found += [(f"layer of {size!r} bytes", _layer(_size(size))) for size in SIZES]
    found += [(f"layer digest {digest!r}", _layer(_digest(digest))) for digest in DIGESTS]
    found += [(f"entry of {size!r} bytes", _index(_entry("size", size))) for size in SIZES]
    found += [(f"entry digest {digest!r}", _index(_entry("digest", digest))) for digest in DIGESTS]
    found += [
        ("one digest, two lengths", _layer(_two_lengths)),
        ("one name, two entries", _index(lambda index: index["manifests"].append(index["manifests"][0]))),
        ("an index in the index", _index(_entry("mediaType", "application/vnd.oci.image.index.v1+json"))),
        ("another artifact type", _index(lambda index: index.update(artifactType="application/vnd.example"))),
        ("no artifact type", _index(lambda index: index.pop("artifactType"))),
        ("no manifests", _index(lambda index: index.pop("manifests"))),
    ]
    return found


def run(bundle: Path, scratch: Path) -> tuple[int, list[str]]:
    """Try every case; returns how many, and those that were not refused or left a trace."""
    wrong = []
    tried = cases()
    for name, change in tried:
        shutil.rmtree(scratch, ignore_errors=True)
        copy, host = Path(shutil.copytree(bundle, scratch / "bundle")), scratch / "host"
        host.mkdir()
        change(copy)
        before = tree(host)
        try:
            install_bundle(copy, Target(host / "store", host), pinned(), now=NOW)
        except IntegrityError:
            if tree(host) == before:
                continue
        wrong.append(name)
    return len(tried), wrong


def _index(change: Callable[[Json], object]) -> Callable[[Path], None]:
    def apply(bundle: Path) -> None:
        index = json.loads((bundle / "index.json").read_bytes())
        change(index)
        _sign(bundle, index)

    return apply


def _layer(change: Callable[[Json], object]) -> Callable[[Path], None]:
    """Change an image's manifest; its new digest goes into the index, which is signed again."""

    def apply(bundle: Path) -> None:
        index = json.loads((bundle / "index.json").read_bytes())
        entry = next(each for each in index["manifests"] if each["annotations"][REF] == "image/llama")
        blobs = bundle / "blobs" / "sha256"
        path = blobs / entry["digest"].removeprefix("sha256:")
        manifest = json.loads(path.read_bytes())
        path.unlink()
        change(manifest)
        data = canonical_json(manifest)
        entry.update(digest=sha256_digest(data), size=len(data))
        (blobs / entry["digest"].removeprefix("sha256:")).write_bytes(data)
        _sign(bundle, index)

    return apply


def _sign(bundle: Path, index: Json) -> None:
    for old in bundle.glob("index.json*"):
        old.unlink()
    data = canonical_json(index)
    for name, content in ({"index.json": data} | sign_documents({"index.json": data}, [signer("officer")])).items():
        (bundle / name).write_bytes(content)


def _entry(key: str, value: object) -> Callable[[Json], object]:
    return lambda index: index["manifests"][0].update({key: value})


def _name(name: str) -> Callable[[Json], object]:
    return lambda index: index["manifests"][0]["annotations"].update({REF: name})


def _expires(date: str) -> Callable[[Json], object]:
    return lambda index: index["annotations"].update({"dev.trivet.bundle.expires": date})


def _title(path: str) -> Callable[[Json], object]:
    return lambda manifest: manifest["layers"][0].update(annotations={"org.opencontainers.image.title": path})


def _media_type(kind: str) -> Callable[[Json], object]:
    return lambda manifest: manifest["layers"][0].update(mediaType=kind)


def _size(size: object) -> Callable[[Json], object]:
    return lambda manifest: manifest["layers"][0].update(size=size)


def _digest(digest: object) -> Callable[[Json], object]:
    return lambda manifest: manifest["layers"][0].update(digest=digest)


def _two_lengths(manifest: Json) -> None:
    layer = manifest["layers"][0]
    manifest["layers"].append({**layer, "size": layer["size"] + 1})
