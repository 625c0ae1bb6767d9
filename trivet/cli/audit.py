"""`trivet audit`: verify the gateway's audit database. Reads only."""

from __future__ import annotations

import argparse

from trivet_gateway.audit import command


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("audit", help="verify a gateway's audit database")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    verify = commands.add_parser("verify", help="find any row that was edited, removed, added or moved")
    command.add_arguments(verify)
    verify.set_defaults(run=command.run)
