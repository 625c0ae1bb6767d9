"""Where Pulumi keeps the state of this run, found the way the CLI finds it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from trivet.spec.load import parse_yaml


def state_backend(project: Path, environ: Mapping[str, str]) -> str:
    """URL of the backend: PULUMI_BACKEND_URL, else Pulumi.yaml's `backend.url`, else what `pulumi login` noted.

    Empty where none of them says; whoever judges places must take that for unknown.
    """
    if url := environ.get("PULUMI_BACKEND_URL"):
        return url
    file = project / "Pulumi.yaml"
    declared = (parse_yaml(file.read_text(encoding="utf-8"), file.name).get("backend") or {}).get("url")
    if declared:
        return str(declared)
    home = Path(environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    try:
        noted = json.loads((home / "credentials.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ""
    return str(noted.get("current", ""))
