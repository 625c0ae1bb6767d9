"""`trivet host trust`: a host's key is pinned when a person has compared its fingerprint."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from paramiko import PKey

from trivet.cli.answer import Answer
from trivet.cli.host_way import way_of
from trivet.cli.progress import say
from trivet.drivers.ssh.dial import host_key
from trivet.drivers.ssh.pins import Pins, changed
from trivet.errors import HostError
from trivet.spec.ssh import SshTarget

ON_ITS_CONSOLE = "`ssh-keygen -lf /etc/ssh/ssh_host_{}_key.pub` on the host's own console shows it"


def trust(args: argparse.Namespace) -> Answer:
    """Pin a host's key.

    Raises:
        HostError: the host cannot be reached, has another fingerprint or another pin; nothing is written.
    """
    target = way_of(args)
    pins, key = Pins(Path(target.known_hosts)), host_key(target)
    shown = f"{key.get_name()} {key.fingerprint}"
    pinned = pins.of(target)
    known = pinned.get(key.get_name())
    data = {"host": target.known_as, "type": key.get_name(), "fingerprint": key.fingerprint, "file": str(pins.path)}
    if known is not None and known.asbytes() == key.asbytes():
        return Answer(lines=[f"{target.known_as}: {shown}", f"pinned in {pins.path} already"], data=data)
    if pinned and not args.replace:
        raise changed(target, shown, pins.path)
    _confirm(args, target, key, shown)
    pins.add(target, key)
    return Answer(lines=[f"{target.known_as}: {shown}", f"pinned in {pins.path}"], data=data)


def _confirm(args: argparse.Namespace, target: SshTarget, key: PKey, shown: str) -> None:
    if args.fingerprint == key.fingerprint:
        return
    kind = key.get_name().removeprefix("ssh-").partition("-")[0]
    if args.fingerprint is not None:
        raise HostError(
            where=target.known_as,
            value=shown,
            rule=f"the host proves to have the key {args.fingerprint}",
            remedy=f"see whether that is its fingerprint: {ON_ITS_CONSOLE.format(kind)}",
        )
    if args.json or not sys.stdin.isatty():
        raise HostError(
            where=target.known_as,
            value=shown,
            rule="a person compares the fingerprint before the key is pinned",
            remedy=f"{ON_ITS_CONSOLE.format(kind)}; if they are equal, add --fingerprint {key.fingerprint}",
        )
    say(f"{target.known_as}: {shown}\n{ON_ITS_CONSOLE.format(kind)}.")
    print("Are they equal, and is this key to be pinned? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise HostError(
            where=target.known_as,
            value="not confirmed",
            rule="a key is pinned when a person says so",
            remedy="run the command again once you have compared the fingerprints",
        )
