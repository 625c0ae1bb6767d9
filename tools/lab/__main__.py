"""`make lab`, `make lab-down`: workstations to try things on."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tools.lab.engine import docker
from tools.lab.image import PASSWORD
from tools.lab.workstation import Workstation, boot, found, remove
from trivet.cli.progress import say
from trivet.errors import TrivetError

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / ".trivet" / "lab"
CACHE = ROOT / ".trivet" / "cache" / "lab"
LABEL = "lab"
MOST = 20


def main() -> int:
    """Run one command."""
    parser = argparse.ArgumentParser(prog="python -m tools.lab", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="boot workstations until there are COUNT")
    up.add_argument("--count", type=int, choices=range(1, MOST + 1), default=1, metavar="COUNT")
    up.add_argument("--variant", choices=("workstation", "bare"), default="workstation")
    commands.add_parser("down", help="take all of them away")
    args = parser.parse_args()
    try:
        return _up(args) if args.command == "up" else _down()
    except TrivetError as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 2


def _up(args: argparse.Namespace) -> int:
    there = [each for each in found(LABEL, STATE) if f"-{args.variant}-" in each.name]
    missing = args.count - len(there)
    if missing > 0:
        there += boot(missing, variant=args.variant, label=LABEL, state=STATE, cache=CACHE, say=say)
    for each in there:
        print(_described(each))
    return 0


def _described(host: Workstation) -> str:
    login = f"{host.user}@{host.address}"
    key = host.key.relative_to(ROOT) if host.key.is_relative_to(ROOT) else host.key
    return f"{host.name}: ssh -i {key} {login}   (sudo's password: {PASSWORD}; root has the same key)"


def _down() -> int:
    count = remove(LABEL)
    for image in docker("images", "--quiet", "trivet-lab").split():
        if not docker("ps", "--all", "--quiet", "--filter", f"ancestor={image}"):  # tests may be running
            docker("rmi", image)
    say(f"lab: {count} workstations are gone; their image's root stays in {CACHE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
