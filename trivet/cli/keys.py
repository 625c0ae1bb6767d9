"""`trivet keys`: make signing keys, pin them, and hand over from old keys to new ones."""

from __future__ import annotations

import argparse
from pathlib import Path

from trivet.bundle.keys import key_paths, load_public, load_signer, new_key, passphrase_from
from trivet.bundle.pinned import TRUST, Pinned
from trivet.bundle.rotation import accept, read_trust, sign_trust, successor, write_files
from trivet.cli.answer import Answer, add_verb
from trivet.errors import TrivetError


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("keys", help="keys that sign bundles, and the list of those that a host believes")
    commands = parser.add_subparsers(metavar="VERB", required=True)

    new = add_verb(
        commands, "new", "make a key pair: NAME.key and NAME.pub, as minisign has them", run_new, writes=True
    )
    new.add_argument("name", type=Path, metavar="NAME")
    _add_passphrase(new)

    trust = add_verb(commands, "trust", "write trust.json, the keys that a host believes", run_trust, writes=True)
    trust.add_argument("--key", action="append", required=True, metavar="PUB", help="file or base64; may be repeated")
    trust.add_argument("--threshold", type=int, default=1, metavar="N", help="how many of them must have signed")
    trust.add_argument("--out", type=Path, default=Path(), metavar="DIR")

    rotate = add_verb(
        commands, "rotate", "make a new key and the signed trust.json that brings it to hosts", run_rotate, writes=True
    )
    rotate.add_argument("name", type=Path, metavar="NAME", help="of the new key pair")
    rotate.add_argument("--trust", type=Path, required=True, metavar="FILE", help="the trust.json that hosts have")
    rotate.add_argument(
        "--key", type=Path, action="append", required=True, metavar="SECRET", help="a key of it: hands over"
    )
    rotate.add_argument("--retire", action="append", default=[], metavar="PUB", help="leave this key out from now on")
    rotate.add_argument("--out", type=Path, required=True, metavar="DIR", help="gets trust.json and its signatures")
    _add_passphrase(rotate)

    signing = add_verb(commands, "sign", "add a signature to a new trust.json", run_sign, writes=True)
    signing.add_argument("offered", type=Path, metavar="DIR", help="what `trivet keys rotate` wrote")
    signing.add_argument("--key", type=Path, action="append", required=True, metavar="SECRET")
    _add_passphrase(signing)

    accepting = add_verb(
        commands, "accept", "take over a newer trust.json, if those pinned now agree", run_accept, writes=True
    )
    accepting.add_argument("offered", type=Path, metavar="DIR", help="what `trivet keys rotate` wrote")
    accepting.add_argument("--trust", type=Path, required=True, metavar="FILE", help="this host's trust.json; replaced")


def run_new(args: argparse.Namespace) -> Answer:
    """Make a key pair."""
    secret, public = key_paths(args.name)
    if args.dry_run:
        return Answer([f"would write {secret} and {public}"], {"secret": str(secret), "public": str(public)})
    key = new_key(args.name, passphrase_from(args.passphrase_file, confirm=True))
    return Answer(
        lines=[
            f"secret   {secret} (keep it, and its passphrase apart from it)",
            f"public   {public}",
            f"key      {key.text}",
        ],
        data={"id": key.id, "key": key.text, "secret": str(secret), "public": str(public)},
    )


def run_trust(args: argparse.Namespace) -> Answer:
    """Pin keys."""
    trust = Pinned.of((load_public(name) for name in args.key), threshold=args.threshold)
    if not args.dry_run:
        write_files(args.out, {TRUST: trust.dump()})
    return _answer(args.out / TRUST, trust)


def run_rotate(args: argparse.Namespace) -> Answer:
    """Make the next key and the next list."""
    current = read_trust(args.trust)
    passphrase = passphrase_from(args.passphrase_file)
    signers = [load_signer(path, passphrase) for path in args.key]
    retired = [load_public(name).id for name in args.retire]
    if unknown := sorted(set(retired) - current.by_id.keys()):
        raise TrivetError(
            value=", ".join(unknown), rule=f"a key that retires is in {args.trust}", remedy="name one that is"
        )
    if len(current.keys) - len(retired) + 1 < current.threshold:
        raise TrivetError(
            value=f"{len(retired)} keys retire",
            rule=f"{current.threshold} keys, the threshold, are left",
            remedy="retire fewer at a time",
        )
    if args.dry_run:
        return _answer(args.out / TRUST, current)
    public = new_key(args.name, passphrase_from(args.passphrase_file, confirm=True))
    following = successor(current, public, retired)
    new = load_signer(key_paths(args.name)[0], passphrase)
    write_files(args.out, sign_trust(following, [*signers, new]))
    return _answer(args.out / TRUST, following)


def run_sign(args: argparse.Namespace) -> Answer:
    """Let one more key holder agree to a new list."""
    trust = read_trust(args.offered / TRUST)
    signers = [load_signer(path, passphrase_from(args.passphrase_file)) for path in args.key]
    files = {name: data for name, data in sign_trust(trust, signers).items() if name != TRUST}
    if not args.dry_run:
        write_files(args.offered, files)
    return Answer([f"signed   {args.offered / name}" for name in files], {"signatures": sorted(files)})


def run_accept(args: argparse.Namespace) -> Answer:
    """Take over a newer list."""
    return _answer(args.trust, accept(args.offered, args.trust, dry_run=args.dry_run))


def _add_passphrase(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--passphrase-file", type=Path, metavar="FILE", help="holds the passphrase (default: asked on the terminal)"
    )


def _answer(path: Path, trust: Pinned) -> Answer:
    ids = sorted(trust.by_id)
    return Answer(
        lines=[f"{path}: version {trust.version}, {trust.threshold} of {len(ids)} keys", *ids],
        data={"trust": str(path), "version": trust.version, "threshold": trust.threshold, "keys": ids},
    )
