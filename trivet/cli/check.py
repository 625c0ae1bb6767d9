"""`trivet check`: is the spec valid, the lock fresh, the regime known? Reads only."""

from __future__ import annotations

import argparse

from trivet.cli.project import add_project_argument, project_of
from trivet.residency import load_regime


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("check", help="validate inference.yaml and its lock")
    add_project_argument(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Say what was read; any broken rule is an error."""
    project = project_of(args)
    spec = project.spec()
    regime = load_regime(spec.residency.regime, project.root)
    lock = project.lock(spec)
    print(f"spec {spec.digest}  {len(spec.models)} models, {len(spec.gateway.teams)} teams")
    print(f"lock {lock.digest}  {len(lock.images)} images, {len(lock.models)} models")
    print(f"residency {regime.name}: {regime.title}; `trivet residency check` judges a stack's places")
    return 0
