"""`trivet bundle join`, `install` and `push`."""

from __future__ import annotations

import argparse

from trivet.bundle.install import Target, install_bundle
from trivet.bundle.join import join_bundle
from trivet.bundle.push import Destination, push_bundle
from trivet.cli.answer import Answer
from trivet.cli.meter import Meter, size
from trivet.cli.trust_arguments import now, pinned_of


def join(args: argparse.Namespace) -> Answer:
    """Join parts, or a base and its updates."""
    made = join_bundle(args.sources, args.out, pinned_of(args), now=now(), dry_run=args.dry_run, progress=Meter())
    total = sum(blob.size for blob in made.trusted.carried.values())
    return Answer(
        lines=[
            f"{'would join' if args.dry_run else 'joined'}   {args.out}: {size(total)}",
            f"index    {made.trusted.digest}",
        ],
        data={
            "out": str(args.out),
            "index": made.trusted.digest,
            "bytes": total,
            "copied": made.done.copied,
            "kept": made.done.kept,
            "dryRun": args.dry_run,
        },
    )


def install(args: argparse.Namespace) -> Answer:
    """Install a bundle or an update."""
    target = Target(
        store=args.store or args.into / ".trivet" / "store",
        project=None if args.store else args.into,
        replace=args.replace,
    )
    pinned = pinned_of(args)
    done = install_bundle(args.bundle, target, pinned, now=now(), dry_run=args.dry_run, progress=Meter())
    signers = [signature.key_id for signature in done.trusted.signers]
    return Answer(
        lines=[
            f"{'would install' if args.dry_run else 'installed'} {args.bundle} into {target.store}",
            f"index    {done.trusted.digest}",
            f"signed   {', '.join(signers) or 'by nobody (--allow-unsigned), as the evidence says'}",
            f"{'to copy' if args.dry_run else 'copied'}   {size(done.done.copied)}, in place {size(done.done.kept)}",
            *(f"file     {name}" for name in done.files),
            *([f"evidence {done.evidence}"] if done.evidence else []),
        ],
        data={
            "index": done.trusted.digest,
            "store": str(target.store),
            "signers": signers,
            "unsigned": pinned is None,
            "copied": done.done.copied,
            "kept": done.done.kept,
            "files": list(done.files),
            "evidence": str(done.evidence) if done.evidence else None,
            "dryRun": args.dry_run,
        },
    )


def push(args: argparse.Namespace) -> Answer:
    """Fill a registry."""
    done = push_bundle(
        args.bundle,
        Destination.parse(args.to),
        pinned_of(args),
        now=now(),
        credentials=args.credentials,
        dry_run=args.dry_run,
        progress=Meter(),
    )
    verb = "would send at most" if args.dry_run else "sent"
    return Answer(
        lines=[
            f"{verb} {size(done.uploaded)}, mounted {done.mounted}, skipped {done.skipped}",
            *done.references.values(),
        ],
        data={
            "index": done.trusted.digest,
            "references": done.references,
            "uploaded": done.uploaded,
            "mounted": done.mounted,
            "skipped": done.skipped,
            "dryRun": args.dry_run,
        },
    )
