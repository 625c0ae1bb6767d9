"""What is about a manifest, on registries older than OCI distribution 1.1: a list under a tag of the manifest's digest.

A newer registry lists it itself. Source:
https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#referrers-tag-schema
"""

from __future__ import annotations

from trivet.bundle.oci import EMPTY_INDEX, INDEX, Descriptor, Index, Manifest
from trivet.bundle.registry import Registry


def list_referrer(registry: Registry, repository: str, entry: Descriptor, manifest: Manifest) -> int:
    """See to it that clients find a manifest by what it is about; return the bytes that were sent.

    Args:
        registry: has the manifest already.
        repository: where.
        entry: the manifest's.
        manifest: names its subject.

    Raises:
        RegistryError: the registry refuses.
        IntegrityError: the list that is there is none.
    """
    if manifest.subject is None or registry.lists_referrers(repository, manifest.subject.digest):
        return 0
    tag = manifest.subject.digest.replace(":", "-")
    text = registry.read_manifest(repository, tag, INDEX)
    before = Index.parse(text, f"{repository}:{tag}") if text else EMPTY_INDEX
    if any(each.digest == entry.digest for each in before.manifests):
        return 0
    mine = entry.model_copy(update={"artifact_type": manifest.type, "annotations": manifest.annotations})
    listed = tuple(sorted((*before.manifests, mine), key=lambda each: each.digest))
    data = before.model_copy(update={"manifests": listed}).dump()
    registry.put_manifest(repository, tag, INDEX, data)
    return len(data)
