"""`trivet bundle verify`, `inspect` and `diff`."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from trivet.bundle.carrier import open_carrier
from trivet.bundle.compare import Inspection, compare_bundles, inspect_bundle, read_sbom
from trivet.bundle.documents import EXPIRES, INSTALLER, PART_FILE
from trivet.bundle.draft import write_whole
from trivet.bundle.evidence import evidence
from trivet.bundle.push import TAG_LENGTH
from trivet.bundle.split import verify_part
from trivet.bundle.verify import verify_bundle
from trivet.cli.answer import Answer
from trivet.cli.meter import Meter, size
from trivet.cli.trust_arguments import now, pinned_of

LABELS = {INSTALLER: "install"}  # its digest, and no column beyond the 80th


def verify(args: argparse.Namespace) -> Answer:
    """Verify a bundle, an update or a part."""
    pinned = pinned_of(args)
    if open_carrier(args.bundle).has(PART_FILE):
        return _verify_part(args)
    moment = now()
    trusted = verify_bundle(args.bundle, pinned, now=moment, base=args.base, progress=Meter()).trusted
    if args.evidence:
        write_whole(args.evidence, evidence(trusted, act="verify", now=moment))
    verified = trusted.blobs if trusted.complete else trusted.carried
    signers = [signature.key_id for signature in trusted.signers]
    base = trusted.delta.base if trusted.delta else None
    return Answer(
        lines=[
            f"verified {args.bundle}",
            f"index    {trusted.digest}",
            f"blobs    {len(verified)}, {size(sum(blob.size for blob in verified.values()))}",
            *([f"base     {base}{'' if trusted.complete else ' (not looked at: --base)'}"] if base else []),
            f"signed   {', '.join(signers) or 'by nobody (--allow-unsigned)'}",
        ],
        data={
            "index": trusted.digest,
            "annotations": trusted.index.annotations,
            "base": base,
            "complete": trusted.complete,
            "blobs": len(verified),
            "bytes": sum(blob.size for blob in verified.values()),
            "signers": signers,
            "unsigned": pinned is None,
        },
    )


def _verify_part(args: argparse.Namespace) -> Answer:
    part = verify_part(args.bundle, pinned_of(args), progress=Meter()).part
    total = sum(part.files.values())
    return Answer(
        lines=[f"verified {args.bundle}: part {part.number} of {part.of}, {len(part.files)} files, {size(total)}"],
        data={"index": part.index, "part": part.number, "of": part.of, "files": len(part.files), "bytes": total},
    )


def inspect(args: argparse.Namespace) -> Answer:
    """Say what is in a bundle, or what one of its entries consists of."""
    if args.sbom:
        document = read_sbom(args.bundle, args.sbom).decode()
        return Answer(lines=[document], data={"sbom": json.loads(document)})
    found = inspect_bundle(args.bundle)
    return Answer(lines=_lines(found), data=asdict(found))


def _lines(found: Inspection) -> list[str]:
    entries = [
        f"  {entry.name:<36} {size(entry.size):>10}  {entry.blobs:>2} blobs  {_short(entry.digest)}"
        for entry in found.entries
    ]
    return [
        f"index    {found.digest}",
        *(f"{LABELS.get(key, key.rpartition('.')[2]):<8} {text}" for key, text in sorted(found.annotations.items())),
        *([] if EXPIRES in found.annotations else ["expires  never"]),
        *([f"base     {found.base}"] if found.base else []),
        *([f"part     {found.part[0]} of {found.part[1]}"] if found.part else []),
        f"carries  {size(found.carried)}" + ("" if found.size is None else f" of {size(found.size)}"),
        *(f"signed   {name} by {', '.join(keys) or 'nobody'} (not checked)" for name, keys in found.signatures.items()),
        *entries,
    ]


def _short(digest: str) -> str:
    """As local images and tags in a registry have it; `--json` has the whole of it."""
    return digest.removeprefix("sha256:")[:TAG_LENGTH]


def diff(args: argparse.Namespace) -> Answer:
    """Say what differs."""
    found = compare_bundles(args.before, args.after)
    total = sum(blob.size for blob in found.transfer)
    return Answer(
        lines=[
            *(f"+ {name}" for name in found.added),
            *(f"- {name}" for name in found.removed),
            *(f"~ {name}" for name in found.changed),
            f"an update moves {len(found.transfer)} blobs, {size(total)}",
        ],
        data={
            "added": found.added,
            "removed": found.removed,
            "changed": found.changed,
            "transfer": [
                {"digest": blob.digest, "size": blob.size, "mediaType": blob.media_type} for blob in found.transfer
            ],
            "bytes": total,
        },
    )
