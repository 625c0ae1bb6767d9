"""API keys on the operator's machine: made here, kept in 0600 files, known to the host by their SHA-256 alone."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import re
import secrets
from pathlib import Path

from trivet.errors import HostError

PREFIX = "tvt_"
BYTES = 32
HOLDERS = ".hosts"
FORM = re.compile(r"tvt_[A-Za-z0-9_-]{43}")


class KeyRing:
    """The keys of one stack, a file each. Of several hosts each leaves its mark: the last that goes takes the keys."""

    def __init__(self, directory: Path, holder: str = "here") -> None:
        self._directory = directory
        self._marks = directory / HOLDERS
        self._holder = holder

    def path(self, name: str) -> Path:
        """The file of a key."""
        return self._directory / f"{name}.key"

    def sha256(self, name: str) -> str | None:
        """Hash of a key; None if there is no such file.

        Raises:
            HostError: others may read the file, or it does not hold a key.
        """
        path = self.path(name)
        try:
            with path.open(encoding="ascii") as file:
                mode = os.fstat(file.fileno()).st_mode
                text = file.read().strip()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as exc:
            raise _unusable(path, "it cannot be read") from exc
        if mode & 0o077:
            raise HostError(
                where=str(path),
                value=f"mode {mode & 0o777:04o}",
                rule="nobody but its owner reads a key",
                remedy=f"`chmod 600 {path}`; if somebody may have read it, `rm` it: `pulumi up` makes another",
            )
        if not FORM.fullmatch(text):
            raise _unusable(path, "its text is no key")
        return hashlib.sha256(text.encode()).hexdigest()

    def ensure(self, name: str) -> str:
        """Hash of a key, which is made if there is none. Of two who make it at once, one wins and both get its hash."""
        while (found := self.sha256(name)) is None:
            self._make(name)
        return found

    def hold(self) -> None:
        """Note that a host goes by these keys."""
        for directory in (self._directory, self._marks):
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self._marks / self._holder).touch()

    def let_go(self) -> bool:
        """Note that a host goes by them no more; True if no other one does."""
        (self._marks / self._holder).unlink(missing_ok=True)
        return not (self._marks.is_dir() and any(self._marks.iterdir()))

    def remove(self, name: str) -> None:
        """Remove a key's file; one that is gone already is no error. The directory goes with its last key."""
        for file in (self.path(name), *self._directory.glob(f".{name}.*")):  # drafts of runs that were cut
            file.unlink(missing_ok=True)
        for directory in (self._marks, self._directory):
            with contextlib.suppress(OSError):  # not empty, or gone
                directory.rmdir()

    def _make(self, name: str) -> None:
        key = PREFIX + base64.urlsafe_b64encode(secrets.token_bytes(BYTES)).rstrip(b"=").decode()
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self._directory / f".{name}.{secrets.token_hex(4)}"
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(key + "\n")
                file.flush()
                os.fsync(file.fileno())
            os.link(draft, self.path(name))  # unlike a rename, this never replaces a key that is there
        except FileExistsError:
            pass
        except OSError as exc:
            raise HostError(
                where=str(self.path(name)),
                value=exc.strerror or str(exc),
                rule="a key can be written",
                remedy="make room, or mend the directory's owner and mode, then run the same command again",
            ) from exc
        finally:
            draft.unlink(missing_ok=True)


def _unusable(path: Path, how: str) -> HostError:
    return HostError(
        where=str(path),
        value=how,
        rule=f"a key file holds {PREFIX} and {BYTES} bytes in base64url",
        remedy="restore the file, or remove it: `pulumi up` then makes a new key",
    )
