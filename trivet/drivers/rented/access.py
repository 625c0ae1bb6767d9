"""SSH keys of a rented node, made here: the one that we log in with, and the one that the node proves to have."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
)

from trivet.errors import TrivetError
from trivet.render.cloud_init import HostKey


class Access:
    """The key pairs of a stack in a directory of their own, made when they are first asked for."""

    def __init__(self, directory: Path) -> None:
        self.identity_file = directory / "id_ed25519"
        self._host_file = directory / "host_ed25519"

    @property
    def public_key(self) -> str:
        """What the provider puts on the node for us to log in with."""
        return _public(_ensure(self.identity_file))

    @property
    def host_key(self) -> HostKey:
        """What the node proves to have."""
        public = _public(_ensure(self._host_file))
        return HostKey(private=self._host_file.read_text(encoding="ascii"), public=public)

    def label(self, stack: str) -> str:
        """A name for what is made beside a node, which stands for the key: another checkout has another."""
        return f"trivet-{stack}-{hashlib.sha256(self.public_key.encode()).hexdigest()[:8]}"

    def remove(self) -> None:
        """Forget the keys."""
        for path in (self.identity_file, self._host_file):
            path.unlink(missing_ok=True)
        if self.identity_file.parent.is_dir() and not any(self.identity_file.parent.iterdir()):
            self.identity_file.parent.rmdir()


def _ensure(path: Path) -> Ed25519PrivateKey:
    if not path.exists():
        key = Ed25519PrivateKey.generate()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_suffix(".part")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    try:
        loaded = load_ssh_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError) as exc:
        raise _unusable(path, str(exc)) from exc
    if not isinstance(loaded, Ed25519PrivateKey):
        raise _unusable(path, "another kind of key")
    return loaded


def _public(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def _unusable(path: Path, how: str) -> TrivetError:
    return TrivetError(
        where=str(path),
        value=how,
        rule="the file holds an Ed25519 key as OpenSSH writes it",
        remedy="restore it; or destroy the stack's node, remove the file, and deploy anew",
    )
