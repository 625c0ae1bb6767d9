"""`trivet bundle create`, `sign` and `split`."""

from __future__ import annotations

import argparse

from trivet.bundle.create import create_bundle
from trivet.bundle.host import outdated
from trivet.bundle.layout import Layout
from trivet.bundle.plan import medium_size
from trivet.bundle.sign import sign_bundle
from trivet.bundle.split import part_name, split_bundle
from trivet.cli.answer import Answer
from trivet.cli.build import workshop_of
from trivet.cli.contents import contents_of
from trivet.cli.meter import Meter, size
from trivet.cli.project import Project, project_of
from trivet.cli.trust_arguments import pinned_of, signers_of, source_date
from trivet.errors import LockError
from trivet.spec import Lock


def create(args: argparse.Namespace) -> Answer:
    """Make a bundle of what the project's lock names."""
    project = project_of(args)
    spec = project.spec()
    lock = project.lock(spec)
    _require_today(project, lock)
    contents = contents_of(project, spec, lock, created=source_date(), expires=args.expires)
    signers = signers_of(args)
    made = create_bundle(
        Layout(project.store),
        contents,
        args.out,
        signers,
        since=args.since,
        dry_run=args.dry_run,
        progress=Meter(),
    )
    keys = [signer.public.id for signer in signers]
    trusted = made.trusted
    base = trusted.delta.base if trusted.delta else None
    return Answer(
        lines=[
            f"{'would make' if args.dry_run else 'bundle'}   {made.out}",
            f"index    {trusted.digest}",
            f"carries  {len(trusted.carried)} of {len(trusted.blobs)} blobs, {size(made.size)}",
            *([f"base     {base}"] if base else []),
            f"signed   {', '.join(keys) or 'by nobody: every host refuses it until `trivet bundle sign`'}",
        ],
        data={
            "out": str(made.out),
            "index": trusted.digest,
            "base": base,
            "blobs": len(trusted.blobs),
            "carried": len(trusted.carried),
            "bytes": made.size,
            "copied": made.done.copied,
            "kept": made.done.kept,
            "signers": keys,
            "dryRun": args.dry_run,
        },
    )


def sign(args: argparse.Namespace) -> Answer:
    """Verify a bundle and add signatures."""
    names = sign_bundle(args.bundle, signers_of(args), pinned_of(args), dry_run=args.dry_run, progress=Meter())
    return Answer(
        lines=[f"{'would write' if args.dry_run else 'signed'}   {name}" for name in names],
        data={"signatures": list(names), "dryRun": args.dry_run},
    )


def split(args: argparse.Namespace) -> Answer:
    """Split a bundle."""
    medium = medium_size(args.size)
    made = split_bundle(
        args.bundle,
        args.out,
        medium,
        signers_of(args),
        pinned_of(args),
        now=None,
        dry_run=args.dry_run,
        progress=Meter(),
    )
    parts = [
        {
            "name": part_name(number, len(made.parts)),
            "blobs": sum(run.whole for run in runs),
            "pieces": sum(not run.whole for run in runs),
            "bytes": sum(run.size for run in runs),
        }
        for number, runs in enumerate(made.parts, 1)
    ]
    return Answer(
        lines=[
            f"{part['name']}  {part['blobs']} blobs, {part['pieces']} pieces, {size(int(str(part['bytes'])))}"
            for part in parts
        ],
        data={"out": str(args.out), "medium": medium, "parts": parts, "dryRun": args.dry_run},
    )


def _require_today(project: Project, lock: Lock) -> None:
    """In a checkout: refuse to ship another Trivet than the one that is here."""
    if (project.root / "pyproject.toml").is_file() and (stale := outdated(workshop_of(project), lock)):
        raise LockError(
            where=str(project.lock_file),
            value=f"stale: {', '.join(stale)}",
            rule="a bundle brings to bare hosts what this checkout is made of",
            remedy="run `trivet build --host SUITE`, once more with the same suites",
        )
