"""The Pulumi program: reads spec, lock and settings, refuses what may not be, and hands over to the tier's stack."""

from __future__ import annotations

import importlib
import os
from datetime import UTC, datetime
from pathlib import Path

import pulumi

from stacks.config import plain_config
from trivet.errors import TrivetError
from trivet.residency.backend import state_backend
from trivet.residency.stack import check_stack, lawful_order
from trivet.spec import load_lock, load_spec, parse_settings

ROOT = Path(__file__).absolute().parent


def main() -> None:
    """Deploy the stack that Pulumi runs this program for.

    Raises:
        RunError: anything of ours is wrong; Pulumi prints its text alone, and nothing was registered.
    """
    try:
        settings = parse_settings(pulumi.get_stack(), plain_config())
        spec = load_spec(ROOT / "inference.yaml")
        backend = state_backend(ROOT, os.environ)
        today = datetime.now(UTC).date()
        check_stack(spec, settings, backend, ROOT, today=today).require_lawful()
        wanted, settings = settings, lawful_order(spec, settings, backend, ROOT, today=today)
        for target in sorted(set(wanted.order) - set(settings.order)):
            pulumi.log.warn(f"{target} is passed over: regime {spec.residency.regime} refuses what would lie there")
        lock = load_lock(ROOT / "inference.lock", spec)
        # No tier pays for what another one imports.
        importlib.import_module(f"stacks.{settings.tier}").deploy(spec, lock, settings)
    except TrivetError as exc:
        raise pulumi.RunError(str(exc)) from exc


main()
