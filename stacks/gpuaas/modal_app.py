"""Modal: the whole stack in one container behind a web endpoint, which ends when nobody asks."""

from __future__ import annotations

import pulumi

from stacks.frontier import frontier_key
from stacks.gpuaas.order import Leg, Turn
from stacks.outputs import common
from trivet.render.modal import modal_app
from trivet.resources.modal import App, AppArgs
from trivet.spec import Lock, Settings, StackSpec


def leg(spec: StackSpec, lock: Lock, settings: Settings, turn: Turn) -> Leg:
    """Register the app; then the outputs that every tier has.

    Raises:
        SpecError: the settings or the frontier's key are missing, or Modal has no place for such a stack.
    """
    wanted = modal_app(spec, lock, settings, stack=pulumi.get_stack())
    wanted = wanted.model_copy(update={"may_pass": turn.may_pass, "key_directory": turn.keys})
    app = App("stack", AppArgs(wanted, frontier_key(spec)))
    outputs = {
        **common(spec, lock, settings, url=app.url, key_file=app.key_file),
        "target": settings.target,
        "pricePerHour": app.price_per_hour,
        "worstCase": app.worst_case,
        "monthToDate": app.month_to_date,
    }
    return Leg(app.passed, lambda: outputs)
