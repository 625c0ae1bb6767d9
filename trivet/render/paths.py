"""Where things lie below the root of an installation on a host."""

from __future__ import annotations

COMPOSE_FILE = "compose.yaml"
CONFIG_DIRECTORY = "etc"
CONFIG_FILE = f"{CONFIG_DIRECTORY}/gateway.json"
FRONTIER_KEY_FILE = "secrets/frontier"
MODEL_DIRECTORY = "models"
IMAGES_FILE = "images.json"


def model_file(digest: str) -> str:
    """A model's file, named for its content."""
    return f"{MODEL_DIRECTORY}/{digest.removeprefix('sha256:')}"
