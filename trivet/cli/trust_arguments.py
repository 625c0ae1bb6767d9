"""Arguments that say whom to believe, and who signs."""

from __future__ import annotations

import argparse
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from trivet.bundle.documents import parse_time
from trivet.bundle.keys import load_public, load_signer, passphrase_from, read_document
from trivet.bundle.minisig import Signer
from trivet.bundle.pinned import Pinned
from trivet.bundle.refusals import UnsignedError
from trivet.errors import TrivetError

EPOCH: Final = "SOURCE_DATE_EPOCH"


def add_trust_arguments(parser: argparse.ArgumentParser, flag: str) -> None:
    """`--key PUB…` (or, beside secret keys, `--pub`), `--threshold`, `--trust`, `--allow-unsigned`."""
    parser.add_argument(
        flag, dest="pinned", action="append", default=[], metavar="PUB", help="a pinned public key: file or base64"
    )
    parser.add_argument("--threshold", type=int, metavar="N", help="how many of the keys must have signed (default: 1)")
    parser.add_argument(
        "--trust", type=Path, metavar="FILE", help="keys and threshold, as `trivet keys trust` wrote them"
    )
    if flag == "--key":
        parser.add_argument(
            "--allow-unsigned", action="store_true", help="take a bundle that nobody signed; the evidence says so"
        )


def pinned_of(args: argparse.Namespace) -> Pinned | None:
    """Whom the arguments pin; None only where unsigned bundles are explicitly allowed (or, with `--pub`, nobody asks).

    Raises:
        UnsignedError: nobody is pinned, and unsigned bundles are not allowed; or both at once.
        TrivetError: a key cannot be read.
    """
    allowed = getattr(args, "allow_unsigned", None)
    named = bool(args.pinned or args.trust)
    if (named and allowed) or (args.trust and (args.pinned or args.threshold)):
        raise UnsignedError(
            value="contradicting arguments",
            rule="keys are pinned by --key and --threshold, or by --trust, or not at all (--allow-unsigned)",
            remedy="leave one of them out",
        )
    if args.trust:
        return Pinned.parse(read_document(args.trust), str(args.trust))
    if named:
        return Pinned.of((load_public(name) for name in args.pinned), threshold=args.threshold or 1)
    if allowed is False:
        raise UnsignedError(
            value="no pinned key",
            rule="a bundle is believed for a key that was pinned beforehand",
            remedy="pass --key PUB (or --trust FILE); --allow-unsigned does without, and records that",
        )
    return None


def add_signer_arguments(parser: argparse.ArgumentParser) -> None:
    """`--key SECRET…` and where its passphrase is."""
    parser.add_argument(
        "--key", type=Path, dest="signers", action="append", default=[], metavar="SECRET", help="sign with this key"
    )
    parser.add_argument(
        "--passphrase-file",
        type=Path,
        metavar="FILE",
        help="holds the keys' passphrase (default: asked on the terminal)",
    )


def signers_of(args: argparse.Namespace) -> list[Signer]:
    """The secret keys, opened."""
    return [load_signer(path, passphrase_from(args.passphrase_file)) for path in args.signers]


def date(text: str) -> datetime:
    """`2030-12-31` or `2030-12-31T12:00:00Z`, in UTC."""
    try:
        return parse_time(text if "T" in text else f"{text}T00:00:00Z")
    except ValueError as exc:
        raise argparse.ArgumentTypeError(f"{text}: write 2030-12-31 or 2030-12-31T12:00:00Z (UTC)") from exc


def source_date() -> datetime | None:
    """The date that a reproducible result bears; None where `SOURCE_DATE_EPOCH` is not set.

    Raises:
        TrivetError: it is not a number of seconds.
    """
    epoch = os.environ.get(EPOCH)
    try:
        return datetime.fromtimestamp(int(epoch), UTC) if epoch else None
    except (ValueError, OverflowError, OSError) as exc:
        raise TrivetError(
            value=f"{EPOCH}={epoch}", rule="it is a number of seconds since 1970", remedy=f"set it so, or unset {EPOCH}"
        ) from exc


def now() -> datetime:
    """The time that decides whether a bundle has expired."""
    return datetime.now(UTC)
