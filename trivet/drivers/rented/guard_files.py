"""The guard's Python files, as they lie in this package: what runs on the node is what was tested here."""

from __future__ import annotations

from importlib.resources import files

MODULES = (
    *("__init__", "account", "activity", "broker_account", "charter", "guard", "machine_account", "metrics", "node"),
    *("sealed", "watchdog"),
)


def guard_files() -> dict[str, str]:
    """Texts by path below the directory from which Python imports."""
    idle = files("trivet.idle")
    texts = {f"trivet/idle/{name}.py": (idle / f"{name}.py").read_text(encoding="utf-8") for name in MODULES}
    return {"trivet/__init__.py": "", **texts}
