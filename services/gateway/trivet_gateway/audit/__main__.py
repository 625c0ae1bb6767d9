"""`python3 -m trivet_gateway.audit verify DB`: for use inside the gateway's container."""

from __future__ import annotations

import argparse
import sys

from trivet_gateway.audit.command import add_arguments, run


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python3 -m trivet_gateway.audit", description="The gateway's audit.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add_arguments(commands.add_parser("verify", help="find any row that was edited, removed, added or moved"))
    return run(parser.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
