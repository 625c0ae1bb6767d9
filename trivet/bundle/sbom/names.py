"""How bills of materials are named and typed. No I/O."""

from __future__ import annotations

from typing import Final

ARTIFACT: Final = "application/vnd.cyclonedx+json"
PREFIX: Final = "sbom/"


def sbom_name(name: str) -> str:
    """The name of an entry's bill of materials: `sbom/image-llama` for `image/llama`."""
    return PREFIX + name.replace("/", "-")
