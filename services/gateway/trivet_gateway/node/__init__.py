"""The whole stack in one container, for places that run only one: the model servers first, then the gateway.

Only the standard library is imported here: the place's own Python runs it.
"""

from __future__ import annotations

import subprocess
import sys

PLAN = "TRIVET_NODE"
"""The variable that holds the plan, as JSON (see `plan`)."""
PLAN_FILE = "TRIVET_NODE_FILE"
"""The variable that names the plan's file instead."""
FRONTIER_KEY = "TRIVET_FRONTIER_KEY"


def serve() -> None:
    """Start the node beside the caller and return at once: what a serverless place calls when a container starts."""
    subprocess.Popen([sys.executable, "-m", __name__], start_new_session=True)
