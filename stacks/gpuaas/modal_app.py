"""Modal: the whole stack in one container behind a web endpoint, which ends when nobody asks."""

from __future__ import annotations

import pulumi

from stacks.frontier import frontier_key
from stacks.outputs import export
from trivet.render.modal import modal_app
from trivet.resources.modal import App, AppArgs
from trivet.spec import Lock, Settings, StackSpec


def deploy(spec: StackSpec, lock: Lock, settings: Settings) -> None:
    """Register the app, and export the outputs that every tier has.

    Raises:
        SpecError: the settings or the frontier's key are missing, or Modal has no place for such a stack.
    """
    args = AppArgs(modal_app(spec, lock, settings, stack=pulumi.get_stack()), frontier_key(spec))
    app = App("stack", args)
    export(spec, lock, settings, url=app.url, key_file=app.key_file)
