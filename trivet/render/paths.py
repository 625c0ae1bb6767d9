"""Where things lie below the root of an installation on a host."""

from __future__ import annotations

COMPOSE_FILE = "compose.yaml"
CONFIG_DIRECTORY = "etc"
CONFIG_FILE = f"{CONFIG_DIRECTORY}/gateway.json"
FRONTIER_KEY_FILE = "secrets/frontier"
MODEL_DIRECTORY = "models"
IMAGES_FILE = "images.json"
DRAIN_FILE = f"{CONFIG_DIRECTORY}/draining"
UPDATE_DRAINS = "an update\n"  # what an update writes there; what somebody else asked for stays
# What an update would make of COMPOSE_FILE, until all of it is ready; and the generation before, to go back to.
NEXT_FILE = "compose.next.yaml"
PREVIOUS_DIRECTORY = "previous"
SUPERVISE_DIRECTORY = "supervise"
SUPERVISE_SCRIPT = f"{SUPERVISE_DIRECTORY}/stack.sh"
WATCH_FILE = f"{SUPERVISE_DIRECTORY}/watch.json"
WATCHDOG_FILE = f"{SUPERVISE_DIRECTORY}/watchdog.zip"


def model_file(digest: str) -> str:
    """A model's file, named for its content."""
    return f"{MODEL_DIRECTORY}/{digest.removeprefix('sha256:')}"
