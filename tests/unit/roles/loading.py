"""Programs of the roles, which lie outside every package."""

from __future__ import annotations

import importlib.util
from types import ModuleType

from tests.unit.examples import ROOT


def load(role: str, program: str) -> ModuleType:
    """The module that `ansible/roles/ROLE/files/PROGRAM.py` is."""
    path = ROOT / "ansible" / "roles" / role / "files" / f"{program}.py"
    spec = importlib.util.spec_from_file_location(program, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
