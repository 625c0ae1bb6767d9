"""What a security officer files: which digests were verified, who had signed for them, when, and by which tool."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from trivet import __version__
from trivet.bundle.documents import TIME_FORMAT
from trivet.bundle.minisig import Signature
from trivet.bundle.oci import Descriptor
from trivet.bundle.pinned import Pinned
from trivet.bundle.trust import TrustedBundle
from trivet.spec.digest import canonical_json

MEDIA_TYPE: Final = "application/vnd.trivet.bundle.evidence.v1+json"


def evidence(trusted: TrustedBundle, *, act: str, now: datetime) -> bytes:
    """The record of a verification, canonical JSON.

    Args:
        trusted: a bundle whose blobs were verified; those of a delta's base only where they were, too.
        act: what it was verified for: `verify`, `install`, `push`.
        now: the time.
    """
    pinned, delta = trusted.pinned, trusted.delta
    blobs = trusted.blobs if trusted.complete else trusted.carried
    record: dict[str, Any] = {
        "schemaVersion": 1,
        "mediaType": MEDIA_TYPE,
        "act": act,
        "at": now.strftime(TIME_FORMAT),
        "tool": f"trivet {__version__}",
        "bundle": {
            "index": trusted.digest,
            "annotations": trusted.index.annotations,
            "base": delta.base if delta else None,
            "complete": trusted.complete,
        },
        "unsigned": pinned is None,
        "threshold": pinned.threshold if pinned else 0,
        "signers": [_signer(pinned, signature) for signature in trusted.signers] if pinned else [],
        "digests": [_line(trusted, blobs[digest]) for digest in sorted(blobs)],
    }
    return canonical_json(record) + b"\n"


def _signer(pinned: Pinned, signature: Signature) -> dict[str, str]:
    key = pinned.by_id[signature.key_id]
    return {"key": key.id, "publicKey": key.text, "comment": signature.trusted_comment}


def _line(trusted: TrustedBundle, blob: Descriptor) -> dict[str, Any]:
    names = {entry.ref for entry in trusted.index.manifests if entry.digest == blob.digest}
    names |= {
        name for name, manifest in trusted.names.items() if any(each.digest == blob.digest for each in manifest.blobs)
    }
    return {"digest": blob.digest, "size": blob.size, "mediaType": blob.media_type, "of": sorted(names)}
