"""What an update carries for those who have its base: all manifests, and the blobs that the base lacks. No I/O."""

from __future__ import annotations

from trivet.bundle.documents import DELTA, Delta
from trivet.bundle.trust import TrustedBundle


def make_delta(full: TrustedBundle, base: TrustedBundle) -> Delta:
    """The packing list of an update from `base` to `full`.

    Manifests always travel: with them, whoever gets the delta can check on its own that nothing is missing from it.
    """
    manifests = {entry.digest for entry in full.index.manifests}
    carries = manifests | (full.blobs.keys() - base.blobs.keys())
    return Delta(
        schema_version=1, media_type=DELTA, index=full.digest, base=base.digest, carries=tuple(sorted(carries))
    )
