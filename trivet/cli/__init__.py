"""The `trivet` command: one module a sub-command, each with `register` and a handler that returns the exit code."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from trivet import __version__
from trivet.cli import audit, build, bundle, check, keys, lock, models, schema, up, verify
from trivet.errors import TrivetError

COMMANDS = (check, build, lock, models, up, verify, bundle, keys, audit, schema)
EXIT_ERROR = 2


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    root = argparse.ArgumentParser(
        prog="trivet", description="One LLM inference stack on your host, a rented GPU or a cloud."
    )
    root.add_argument("--version", action="version", version=f"trivet {__version__}")
    subparsers = root.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.register(subparsers)
    return root


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. 0: done; 1: a check failed; 2: an error, said on stderr; 130: interrupted."""
    args = parser().parse_args(argv)
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
