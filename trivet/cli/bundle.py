"""`trivet bundle`: make, sign, verify, look into, compare, split, join, install and push signed bundles."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TypeAlias

from trivet.bundle.plan import MEDIA
from trivet.cli import bundle_make, bundle_read, bundle_take
from trivet.cli.answer import add_verb
from trivet.cli.project import add_project_argument
from trivet.cli.trust_arguments import add_signer_arguments, add_trust_arguments, date

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - it has no other name


def register(subparsers: Commands) -> None:
    """Add the command."""
    parser = subparsers.add_parser("bundle", help="signed bundles: how the stack travels, and the air-gapped install")
    commands = parser.add_subparsers(metavar="VERB", required=True)
    _register_makers(commands)
    _register_readers(commands)
    _register_takers(commands)


def _register_makers(commands: Commands) -> None:
    create = add_verb(commands, "create", "make a bundle of what the lock names", bundle_make.create, writes=True)
    create.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="where it goes; a name that ends in .tar makes a tar"
    )
    create.add_argument("--since", type=Path, metavar="BASE", help="carry only what this bundle lacks")
    create.add_argument("--expires", type=date, metavar="DATE", help="refused from then on, UTC (default: never)")
    add_signer_arguments(create)
    add_project_argument(create)

    sign = add_verb(commands, "sign", "verify a bundle and add a signature to it", bundle_make.sign, writes=True)
    sign.add_argument("bundle", type=Path)
    add_signer_arguments(sign)
    add_trust_arguments(sign, "--pub")

    split = add_verb(commands, "split", "split a bundle for media", bundle_make.split, writes=True)
    split.add_argument("bundle", type=Path)
    split.add_argument("--out", type=Path, required=True, metavar="DIR", help="gets one directory a part")
    split.add_argument("--size", required=True, metavar="SIZE", help=f"{', '.join(MEDIA)}, or like 700M or 4Gi")
    add_signer_arguments(split)
    add_trust_arguments(split, "--pub")


def _register_readers(commands: Commands) -> None:
    verify = add_verb(commands, "verify", "verify a bundle, an update or a part, to the last byte", bundle_read.verify)
    verify.add_argument("bundle", type=Path)
    verify.add_argument("--base", type=Path, metavar="BUNDLE", help="what an update was made for: verify both together")
    verify.add_argument("--evidence", type=Path, metavar="FILE", help="write the list of what was verified")
    add_trust_arguments(verify, "--key")

    inspect = add_verb(commands, "inspect", "say what is in a bundle; verifies nothing", bundle_read.inspect)
    inspect.add_argument("bundle", type=Path)
    inspect.add_argument("--sbom", metavar="NAME", help="print the bill of materials of an entry (image/llama) instead")

    diff = add_verb(commands, "diff", "say what differs between two bundles; verifies nothing", bundle_read.diff)
    diff.add_argument("before", type=Path)
    diff.add_argument("after", type=Path)


def _register_takers(commands: Commands) -> None:
    join = add_verb(commands, "join", "join parts, or a base and updates to it", bundle_take.join, writes=True)
    join.add_argument("sources", type=Path, nargs="+", metavar="PART", help="or BASE DELTA…")
    join.add_argument("--out", type=Path, required=True, metavar="DIR", help="where it goes, a directory or a .tar")
    add_trust_arguments(join, "--key")

    install = add_verb(commands, "install", "install a bundle or an update", bundle_take.install, writes=True)
    install.add_argument("bundle", type=Path)
    place = install.add_mutually_exclusive_group()
    place.add_argument(
        "--into", type=Path, default=Path(), metavar="DIR", help="the project: files there, blobs in .trivet/store"
    )
    place.add_argument("--store", type=Path, metavar="DIR", help="the blobs alone, into this OCI layout")
    install.add_argument("--replace", action="store_true", help="write over files that were changed here")
    add_trust_arguments(install, "--key")

    push = add_verb(commands, "push", "fill a registry from a bundle", bundle_take.push, writes=True)
    push.add_argument("bundle", type=Path)
    push.add_argument("--to", required=True, metavar="URL", help="https://HOST/PREFIX")
    push.add_argument("--credentials", type=Path, metavar="FILE", help="as `skopeo login --authfile FILE` writes it")
    add_trust_arguments(push, "--key")
