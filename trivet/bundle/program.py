"""The stack's own files: what `pulumi up` needs on a host besides images, models and packages."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from trivet.bundle.trust import is_file_name
from trivet.errors import LockError
from trivet.spec.load import parse_yaml
from trivet.spec.settings_file import is_secret

REQUIRED: Final = ("inference.yaml", "inference.lock")
PATTERNS: Final = (
    "Pulumi.yaml",
    "__main__.py",
    "helm/trivet/**/[!.]*",
    "policy/*",
    "stacks/**/*.py",
    "stacks/Pulumi.*.yaml",
    "tools/language_host/*",
    "tools/setup/env.sh",
    "tools/setup/lib.sh",
    "trivet/provider/bin/*",
)
SETTINGS: Final = "stacks/Pulumi."
# How Pulumi encrypts the secrets of this machine's stack; no other machine could decrypt them.
ENCRYPTION: Final = ("encryptionsalt", "encryptedkey", "secretsprovider")


def program_files(root: Path) -> dict[str, bytes]:
    """The project's files by relative path; settings without what is secret and of this machine alone.

    Raises:
        LockError: `inference.yaml` or its lock is missing, or a file has a name that no bundle may carry.
        SpecError: settings are no YAML.
    """
    found = [root / name for name in (*REQUIRED, *_own_regime(root))]
    found += [path for pattern in PATTERNS for path in root.glob(pattern) if path.is_file()]
    names = sorted({path.relative_to(root).as_posix() for path in found})
    for name in names:
        if not is_file_name(name) or not (root / name).is_file():
            raise LockError(
                value=str(root / name),
                rule="a bundle carries inference.yaml, its lock and the program, under plain names",
                remedy="run `trivet build`, or rename the file",
            )
    return {name: _content(name, (root / name).read_bytes()) for name in names}


def _own_regime(root: Path) -> tuple[str, ...]:
    """The file of a residency regime of one's own: without it no host could tell what is allowed."""
    spec = root / REQUIRED[0]
    tree = parse_yaml(spec.read_text(encoding="utf-8"), spec.name) if spec.is_file() else {}
    regime = ((tree or {}).get("residency") or {}).get("regime", "")
    return (regime,) if regime.endswith(".yaml") else ()


def _content(name: str, data: bytes) -> bytes:
    if not name.startswith(SETTINGS):
        return data
    return portable_settings(data.decode(), name)


def portable_settings(text: str, where: str) -> bytes:
    """A stack's settings without its secrets: those are set where it runs, with `pulumi config set --secret`."""
    tree: dict[str, Any] = parse_yaml(text, where) or {}
    secret = {key for key, value in (tree.get("config") or {}).items() if is_secret(value)}
    if not secret and not tree.keys() & set(ENCRYPTION):
        return text.encode()
    kept = {key: value for key, value in tree.items() if key not in ENCRYPTION}
    kept["config"] = {key: value for key, value in (tree.get("config") or {}).items() if key not in secret}
    buffer = StringIO()
    yaml = YAML(typ="safe")
    yaml.default_flow_style = False
    yaml.dump(kept, buffer)
    return buffer.getvalue().encode()
