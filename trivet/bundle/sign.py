"""Adds a signature to a bundle that exists: how a second person, elsewhere, vouches for it too."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from trivet.bundle.carrier import open_carrier
from trivet.bundle.create import sign_documents
from trivet.bundle.documents import SIGNED
from trivet.bundle.draft import write_whole
from trivet.bundle.minisig import Signer
from trivet.bundle.pinned import Pinned
from trivet.bundle.progress import SILENT, Progress
from trivet.bundle.verify import verify_bundle
from trivet.errors import HostError


def sign_bundle(
    where: Path,
    signers: Sequence[Signer],
    pinned: Pinned | None,
    *,
    dry_run: bool = False,
    progress: Progress = SILENT,
) -> tuple[str, ...]:
    """Verify every byte of a bundle, then sign its documents; return the names of the new files.

    Args:
        where: its directory; a tar has no room for another file.
        signers: who signs.
        pinned: whose signatures it must bear already; None asks for none.
        dry_run: write nothing.
        progress: hears of the bytes.

    Raises:
        IntegrityError: it is not sound; nothing is signed.
        HostError: it is a tar.
    """
    if where.is_file():
        raise HostError(
            where=str(where),
            value="a tar",
            rule="signatures are added to a bundle's directory",
            remedy="unpack it with `tar -xf`, sign, and make the tar again with `trivet bundle create`",
        )
    verify_bundle(where, pinned, now=None, progress=progress)
    carrier = open_carrier(where)
    documents = {name: carrier.read(name) for name in SIGNED if carrier.has(name)}
    signatures = sign_documents(documents, signers)
    for name, data in signatures.items():
        if not dry_run:
            write_whole(where / name, data)
    return tuple(signatures)
