"""OCI image-spec documents: descriptors, manifests and indexes, as frozen models. No I/O.

Source: https://github.com/opencontainers/image-spec (v1.1). Whoever passes documents on keeps unknown keys.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from trivet.errors import IntegrityError
from trivet.spec.base import Digest
from trivet.spec.digest import canonical_json

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
REF_NAME = "org.opencontainers.image.ref.name"


class Document(BaseModel):
    """What OCI documents share: camelCase keys, strict types, frozen."""

    model_config = ConfigDict(
        frozen=True, extra="allow", strict=True, alias_generator=to_camel, validate_by_name=True, validate_by_alias=True
    )

    @classmethod
    def parse(cls, data: bytes, where: str) -> Self:
        """Read a document from its JSON.

        Raises:
            IntegrityError: the bytes are no such document.
        """
        try:
            return cls.model_validate_json(data)
        except ValidationError as exc:
            first = exc.errors()[0]
            path = ".".join(str(part) for part in first["loc"]) or "document"
            raise IntegrityError(
                where=where,
                value=f"{path}: {first['msg']}",
                rule=f"{cls.__name__.lower()} documents follow the OCI image specification",
                remedy="rebuild or copy the store again",
            ) from exc

    def dump(self) -> bytes:
        """Canonical JSON: equal documents give equal bytes."""
        return canonical_json(self.model_dump(mode="json", by_alias=True, exclude_defaults=True))


class Descriptor(Document):
    """A pointer to a blob: its media type, its digest and its length in bytes."""

    media_type: str
    digest: Digest
    size: Annotated[int, Field(ge=0)]
    artifact_type: str | None = None
    annotations: dict[str, str] = {}

    @property
    def ref(self) -> str:
        """The name that an index gives to this descriptor; empty without one."""
        return self.annotations.get(REF_NAME, "")


class Manifest(Document):
    """An image, or an artifact such as a model: one config and any number of layers."""

    schema_version: Literal[2]
    media_type: str = ""
    artifact_type: str | None = None
    config: Descriptor
    layers: tuple[Descriptor, ...]
    subject: Descriptor | None = None
    annotations: dict[str, str] = {}

    @property
    def type(self) -> str:
        """What kind of artifact it is: where it does not say, its config does."""
        return self.artifact_type or self.config.media_type

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """Config and layers, each blob once."""
        return tuple({blob.digest: blob for blob in (self.config, *self.layers)}.values())


class Index(Document):
    """The table of contents of a layout."""

    schema_version: Literal[2]
    media_type: str = ""
    manifests: tuple[Descriptor, ...]
    annotations: dict[str, str] = {}

    def find(self, ref: str) -> Descriptor | None:
        """The descriptor of that name."""
        return next((entry for entry in self.manifests if entry.ref == ref), None)

    def replacing(self, entry: Descriptor) -> Index:
        """This index with `entry` in the place of the one of its name, sorted by name."""
        entries = [*self.without(entry.ref).manifests, entry]
        return self.model_copy(update={"manifests": tuple(sorted(entries, key=lambda each: (each.ref, each.digest)))})

    def without(self, ref: str) -> Index:
        """This index less the entry of that name."""
        return self.model_copy(update={"manifests": tuple(entry for entry in self.manifests if entry.ref != ref)})


EMPTY_INDEX = Index(schema_version=2, media_type=INDEX, manifests=())
