"""The `trivet` command: one module a sub-command, each with `register` and a handler that returns the exit code.

Only the module that is asked for is imported: what reads models takes half a second, and `trivet bundle verify` has no
use for it.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from trivet import __version__
from trivet.errors import TrivetError

COMMANDS = (
    "check",
    "build",
    "lock",
    "models",
    "up",
    "verify",
    "bundle",
    "chart",
    "keys",
    "host",
    "audit",
    "residency",
    "choose",
    "reap",
    "hold",
    "cost",
    "schema",
)
EXIT_ERROR = 2


def parser(commands: Sequence[str] = COMMANDS) -> argparse.ArgumentParser:
    """The command line of these commands."""
    root = argparse.ArgumentParser(
        prog="trivet", description="One LLM inference stack on your host, a rented GPU or a cloud."
    )
    root.add_argument("--version", action="version", version=f"trivet {__version__}")
    subparsers = root.add_subparsers(metavar="COMMAND", required=True)
    for command in commands:
        import_module(f"trivet.cli.{command}").register(subparsers)
    return root


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. 0: done; 1: a check failed; 2: an error, said on stderr; 130: interrupted."""
    words = sys.argv[1:] if argv is None else argv
    args = parser([name for name in words[:1] if name in COMMANDS] or COMMANDS).parse_args(words)
    try:
        code: int = args.run(args)
    except TrivetError as exc:
        print(f"error: {exc}", file=sys.stderr)
        return EXIT_ERROR
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader has gone (`trivet … | head`): nothing more to say, and no second failure at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return code
