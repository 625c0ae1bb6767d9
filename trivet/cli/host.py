"""`trivet host`: trust a host over SSH, and see what it is."""

from __future__ import annotations

import argparse
from pathlib import Path

from trivet.cli import host_inspect, host_list, host_trust
from trivet.cli.answer import add_verb
from trivet.cli.project import add_project_argument


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("host", help="hosts over SSH: trust one, see what it is and what fits")
    commands = parser.add_subparsers(metavar="VERB", required=True)

    trust = add_verb(commands, "trust", "show the fingerprint of a host's key, and pin the key", host_trust.trust)
    _add_way(trust, user="")
    trust.add_argument("--fingerprint", metavar="SHA256:…", help="pin without asking if this is the key's")
    trust.add_argument("--replace", action="store_true", help="the host has a new key: pin it in place of the old one")

    inspect = add_verb(commands, "inspect", "cards, memory, disks, engine, ports, and what fits", host_inspect.inspect)
    _add_way(inspect, user="[USER@]")
    inspect.add_argument("--key-file", metavar="FILE", help="a private key (default: the SSH agent's keys)")

    listed = add_verb(commands, "list", "each host of a stack, and how the last run left it", host_list.list_hosts)
    listed.add_argument("--stack", default="onprem")
    add_project_argument(listed)


def _add_way(parser: argparse.ArgumentParser, *, user: str) -> None:
    parser.add_argument("address", metavar=f"{user}ADDRESS", help="name or IP address")
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
