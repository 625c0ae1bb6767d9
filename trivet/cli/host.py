"""`trivet host`: trust a host over SSH, and see what it is."""

from __future__ import annotations

import argparse
from pathlib import Path

from trivet.cli import host_inspect, host_list, host_rollback, host_state, host_trust
from trivet.cli.answer import add_verb
from trivet.cli.project import add_project_argument
from trivet.spec import Settings

ROOT: str = Settings.model_fields["root"].default
WAIT: int = Settings.model_fields["wait_seconds"].default


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("host", help="hosts: trust one, see what it is and what fits, undo an update")
    commands = parser.add_subparsers(metavar="VERB", required=True)

    trust = add_verb(commands, "trust", "show the fingerprint of a host's key, and pin the key", host_trust.trust)
    _add_way(trust, user="")
    trust.add_argument("--fingerprint", metavar="SHA256:…", help="pin without asking if this is the key's")
    trust.add_argument("--replace", action="store_true", help="the host has a new key: pin it in place of the old one")

    inspect = add_verb(commands, "inspect", "cards, memory, disks, engine, ports, and what fits", host_inspect.inspect)
    _add_way(inspect, user="[USER@]")
    _add_key_file(inspect)

    rollback = add_verb(
        commands, "rollback", "have the stack that ran before an update run again", host_rollback.rollback
    )
    _add_way(rollback, user="[USER@]", optional=True)
    _add_key_file(rollback)
    rollback.add_argument("--stack", metavar="NAME", help="which stack; without ADDRESS, its settings say where it is")
    rollback.add_argument("--root", metavar="DIR", default=ROOT, help=f"where stacks lie on ADDRESS (default: {ROOT})")
    rollback.add_argument("--sudo", action="store_true", help="work as root on ADDRESS")
    rollback.add_argument("--ask-password", action="store_true", help="type the password that sudo wants")
    rollback.add_argument("--wait", type=int, default=WAIT, metavar="SECONDS", help=f"on ADDRESS (default: {WAIT})")

    listed = add_verb(commands, "list", "each host of a stack, and how the last run left it", host_list.list_hosts)
    text = "lay Pulumi's state and settings where the hosts' backups take them along; `trivet up` does it too"
    saved = add_verb(commands, "save-state", text, host_state.save_state)
    for verb in (listed, saved):
        verb.add_argument("--stack", default="onprem")
        add_project_argument(verb)


def _add_key_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--key-file", metavar="FILE", help="a private key (default: the SSH agent's keys)")


def _add_way(parser: argparse.ArgumentParser, *, user: str, optional: bool = False) -> None:
    count = "?" if optional else None
    parser.add_argument("address", metavar=f"{user}ADDRESS", nargs=count, help="name or IP address")
    parser.add_argument("--port", type=int, default=22, help="default: 22")
    parser.add_argument(
        "--jump",
        action="append",
        default=[],
        metavar="[USER@]ADDRESS[:PORT]",
        help="a host to pass through; may be given several times, in that order",
    )
    parser.add_argument("--known-hosts", type=Path, metavar="FILE", help="default: .trivet/known_hosts of the project")
    add_project_argument(parser)
