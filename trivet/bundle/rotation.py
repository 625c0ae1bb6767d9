"""Makes and replaces `trust.json`: which keys a host believes, and how one set of them hands over to the next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from trivet.bundle.draft import write_whole
from trivet.bundle.keys import KeyFileError, read_document
from trivet.bundle.minisig import SUFFIX, PublicKey, Signer, signature_name
from trivet.bundle.pinned import TRUST, Pinned
from trivet.spec.digest import sha256_digest


def read_trust(path: Path) -> Pinned:
    """The keys that `trust.json` pins.

    Raises:
        KeyFileError: it cannot be read.
        DocumentError: it is no such document.
    """
    return Pinned.parse(read_document(path), str(path))


def successor(current: Pinned, new: PublicKey, retired: Iterable[str]) -> Pinned:
    """The next version: with one key more, and without those ids. The threshold stays.

    Raises:
        DocumentError: too few keys would be left for the threshold.
    """
    gone = set(retired)
    keys = [key for key_id, key in current.by_id.items() if key_id not in gone]
    return Pinned.of([*keys, new], threshold=current.threshold, version=current.version + 1)


def sign_trust(trust: Pinned, signers: Sequence[Signer]) -> dict[str, bytes]:
    """`trust.json` and its signatures, by file name."""
    data = trust.dump()
    comment = f"trivet {TRUST} {sha256_digest(data)}"
    return {TRUST: data} | {signature_name(TRUST, signer.public.id): signer.sign(data, comment) for signer in signers}


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write documents into a directory; the signed one last, so that it never stands without its signatures.

    Raises:
        KeyFileError: one of them exists.
    """
    for name in files:
        if (folder / name).exists():
            raise KeyFileError(
                value=str(folder / name), rule="nothing is written over", remedy="name another directory with --out"
            )
    folder.mkdir(parents=True, exist_ok=True)
    for name in sorted(files, key=lambda each: not each.endswith(SUFFIX)):
        write_whole(folder / name, files[name])


def accept(offered: Path, current: Path, *, dry_run: bool = False) -> Pinned:
    """Replace the pinned keys by the version that follows them (rule 3 of `pinned`).

    Args:
        offered: the directory with the new `trust.json` and its signatures.
        current: the `trust.json` of this host; replaced.
        dry_run: only check.

    Raises:
        IntegrityError: the new version is not signed as it must be, or does not follow.
        KeyFileError: a file cannot be read.
    """
    signatures = {path.name: read_document(path) for path in offered.glob(f"{TRUST}.*{SUFFIX}")}
    data = read_document(offered / TRUST)
    following = read_trust(current).successor(data, signatures, str(offered / TRUST))
    if not dry_run:
        write_whole(current, data)
    return following
