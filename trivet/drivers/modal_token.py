"""Whether there is a Modal to ask: told without its client, which takes its time to import."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path

ID, CONFIG = "MODAL_TOKEN_ID", "MODAL_CONFIG_PATH"


def has_token(environ: Mapping[str, str] = os.environ) -> bool:
    """True where Modal's client is installed and would find a token: in a variable, or in a file of its own."""
    if importlib.util.find_spec("modal") is None:
        return False
    file = Path(environ.get(CONFIG) or "~/.modal.toml").expanduser()
    return bool(environ.get(ID)) or (file.is_file() and file.stat().st_size > 0)
