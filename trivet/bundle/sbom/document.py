"""A CycloneDX document: the same subject and components give the same bytes. No I/O.

Source: https://cyclonedx.org/docs/1.6/json/. What is random elsewhere follows from the subject's digest here (the
serial number), or is left out (the time, unless `SOURCE_DATE_EPOCH` gives one).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from trivet.bundle.documents import TIME_FORMAT
from trivet.spec.digest import canonical_json

PROPERTY: Final = "dev.trivet:"
_PREFIX: Final = "sha256:"


@dataclass(frozen=True)
class Part:
    """One component.

    Attributes:
        name, version: as its packager gives them.
        kind: CycloneDX's component type.
        purl: its package URL, where there is a type for it.
        digest: of its bytes, where they are one file.
        licence: SPDX, or whatever its packager says; empty where nobody says.
        properties: what else is known.
    """

    name: str
    version: str = ""
    kind: ComponentType = ComponentType.LIBRARY
    purl: PackageURL | None = None
    digest: str = ""
    licence: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)


def write_sbom(subject: Part, parts: Iterable[Part], created: datetime | None) -> bytes:
    """The document.

    Args:
        subject: what it is the bill of materials of, with the digest of its manifest.
        parts: what that consists of.
        created: its date; None leaves it out.
    """
    root = _component(subject)
    components = {each.bom_ref.value: each for each in map(_component, parts)}
    bom = Bom(
        metadata=BomMetaData(component=root),
        components=components.values(),
        serial_number=uuid.uuid5(uuid.NAMESPACE_URL, f"oci:{subject.digest}"),
    )
    bom.register_dependency(root, components.values())
    document = json.loads(JsonV1Dot6(bom).output_as_string())
    document["metadata"].pop("timestamp")
    if created:
        document["metadata"]["timestamp"] = created.strftime(TIME_FORMAT)
    return canonical_json(document)


def _component(part: Part) -> Component:
    licence = LicenseFactory().make_from_string(part.licence) if part.licence else None
    return Component(
        name=part.name,
        version=part.version or None,
        type=part.kind,
        purl=part.purl,
        bom_ref=str(part.purl or f"{part.kind.value}/{part.name}@{part.version or part.digest}"),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=part.digest.removeprefix(_PREFIX))] if part.digest else (),
        licenses=[licence] if licence else (),
        properties=[Property(name=f"{PROPERTY}{key}", value=text) for key, text in part.properties.items() if text],
    )
