"""Artifacts that are made of the project's own files while a bundle is made: they lie in no store. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from trivet.bundle.files import CHART, EMPTY, EMPTY_CONFIG, GITOPS, STACK, Kind, describe, files_manifest, stack_type
from trivet.bundle.oci import MANIFEST, REF_NAME, Descriptor, Manifest
from trivet.bundle.targz import tar_gz
from trivet.bundle.trust import TITLE
from trivet.errors import LockError
from trivet.spec.digest import canonical_json, sha256_digest
from trivet.spec.load import parse_yaml

CHART_FILES: Final = "helm/trivet/"
VERSION: Final = "org.opencontainers.image.version"
_CHART_FILE: Final = f"{CHART_FILES}Chart.yaml"


@dataclass(frozen=True)
class Packed:
    """An artifact, and what it is made of.

    Attributes:
        name: in the bundle's index.
        manifest: its manifest.
        blobs: bytes of manifest, config and layers, by digest.
        files: what people put in, by path.
    """

    name: str
    manifest: Manifest
    blobs: Mapping[str, bytes]
    files: Mapping[str, bytes]

    @property
    def digest(self) -> str:
        """Of the manifest: what it is deployed by."""
        return sha256_digest(self.manifest.dump())

    @property
    def version(self) -> str:
        """Its own, where it has one; a registry names it by that too."""
        return self.manifest.annotations.get(VERSION, "")

    @property
    def entry(self) -> Descriptor:
        """How the index names it."""
        return describe(self.manifest.dump(), MANIFEST).model_copy(
            update={"artifact_type": self.manifest.type, "annotations": {REF_NAME: self.name}}
        )


def pack_stack(stack: str, files: Mapping[str, bytes]) -> Packed:
    """The stack's own files, each a layer."""
    blobs = {path: describe(data, stack_type(path, data)) for path, data in files.items()}
    return _packed(f"stack/{stack}", files_manifest(STACK, blobs), EMPTY_CONFIG, tuple(files.values()), files)


def pack_tree(name: str, files: Mapping[str, bytes]) -> Packed:
    """Files as the one layer that Flux and Argo CD unpack."""
    archive = tar_gz(files)
    return _packed(
        name, _one_layer(GITOPS, archive, f"{name.replace('/', '-')}.tar.gz"), EMPTY_CONFIG, (archive,), files
    )


def pack_chart(files: Mapping[str, bytes]) -> Packed | None:
    """The Helm chart among a project's files, as Helm pushes charts; None where the project has none.

    Source: https://helm.sh/docs/topics/registries/#helm-chart-manifest

    Raises:
        LockError: `Chart.yaml` has no name or no version.
    """
    if _CHART_FILE not in files:
        return None
    facts: dict[str, Any] = parse_yaml(files[_CHART_FILE].decode(), _CHART_FILE) or {}
    name, version = facts.get("name"), facts.get("version")
    if not (isinstance(name, str) and isinstance(version, str)):
        raise LockError(
            where=_CHART_FILE,
            value=f"name {name}, version {version}",
            rule="a chart has a name and a version, both texts",
            remedy="correct it",
        )
    inside = {
        f"{name}/{path.removeprefix(CHART_FILES)}": data for path, data in files.items() if path.startswith(CHART_FILES)
    }
    archive, config = tar_gz(inside), canonical_json(facts)
    manifest = _one_layer(CHART, archive, f"{name}-{version}.tgz").model_copy(
        update={
            "artifact_type": None,  # Helm's own manifests have none: the config's type says what it is
            "config": describe(config, CHART.artifact_type),
            "annotations": {"org.opencontainers.image.title": name, VERSION: version},
        }
    )
    return _packed(f"chart/{name}", manifest, config, (archive,), inside)


def _one_layer(kind: Kind, archive: bytes, title: str) -> Manifest:
    layer = describe(archive, kind.media_type or "").model_copy(update={"annotations": {TITLE: title}})
    return Manifest(
        schema_version=2,
        media_type=MANIFEST,
        artifact_type=kind.artifact_type,
        config=describe(EMPTY_CONFIG, EMPTY),
        layers=(layer,),
    )


def _packed(
    name: str, manifest: Manifest, config: bytes, layers: tuple[bytes, ...], files: Mapping[str, bytes]
) -> Packed:
    blobs = {sha256_digest(data): data for data in (config, manifest.dump(), *layers)}
    return Packed(name, manifest, blobs, files)
