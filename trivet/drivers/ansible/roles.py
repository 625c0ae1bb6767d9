"""Where the roles and the programs that play them are, in this checkout."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[3]
ROLES: Final = ROOT / "ansible"
PROGRAMS: Final = ROOT / ".trivet" / "ansible" / "bin"


def roles_digest() -> str:
    """The digest of all that a play consists of: another one may find something to change where all was well."""
    seen = hashlib.sha256()
    for path in sorted(ROLES.rglob("*")):
        if path.is_file():
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            seen.update(f"{path.relative_to(ROLES)} {content}\n".encode())
    return f"sha256:{seen.hexdigest()}"
