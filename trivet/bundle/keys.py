"""Key files as minisign has them: `NAME.key`, secret and under a passphrase, and `NAME.pub`.

The passphrase comes from a file or from the terminal, never from an argument or the environment, where others can
read it.
"""

from __future__ import annotations

import getpass
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import minisign

from trivet.bundle.minisig import KeyFormatError, PublicKey, Signer
from trivet.errors import TrivetError

SECRET: Final = ".key"  # noqa: S105 - the end of a file name
PUBLIC: Final = ".pub"
# scrypt, N = 2^17, r = 8, p = 1 (128 MiB, half a second), as OWASP recommends. `minisign -G` takes 1 GiB.
OPSLIMIT: Final = 4 << 20
MEMLIMIT: Final = 128 << 20
_LIMIT: Final = 64 << 10  # bytes
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO

Passphrase = Callable[[str], str]
"""Answers with the passphrase of the key file that it is asked for."""


class KeyFileError(TrivetError):
    """A key file is missing, exposed or in the way."""


def new_key(path: Path, passphrase: Passphrase) -> PublicKey:
    """Make a key pair: `path` with `.key` and with `.pub`.

    Raises:
        KeyFileError: one of the files exists; neither is touched.
        KeyFormatError: the passphrase is empty.
    """
    secret_file, public_file = key_paths(path)
    for file in (secret_file, public_file):
        if file.exists():
            raise KeyFileError(
                value=str(file),
                rule="a key is never written over: what it has signed could not be told from what another has",
                remedy="choose another name",
            )
    pair = minisign.KeyPair.generate()
    public = PublicKey(pair.public_key.to_base64().decode())
    with pair.secret_key as secret:
        secret.encrypt(_not_empty(passphrase(str(secret_file))), opslimit=OPSLIMIT, memlimit=MEMLIMIT)
        data = bytes(secret) + b"\n"
    secret_file.parent.mkdir(parents=True, exist_ok=True)
    _create(secret_file, data, 0o600)
    _create(public_file, public.dump().encode(), 0o644)
    return public


def key_paths(path: Path) -> tuple[Path, Path]:
    """The secret and the public file of a key that is called `path`."""
    stem = path.with_suffix("") if path.suffix in {SECRET, PUBLIC} else path
    return stem.with_name(stem.name + SECRET), stem.with_name(stem.name + PUBLIC)


def load_signer(path: Path, passphrase: Passphrase) -> Signer:
    """Open a secret key.

    Raises:
        KeyFileError: there is none, or others may read it.
        KeyFormatError: it is not minisign's, or the passphrase is wrong.
    """
    data = _read(path, secret=True)
    try:
        secret = minisign.SecretKey.from_bytes(data)
        if secret.is_encrypted():
            secret.decrypt(passphrase(str(path)))
        return Signer(secret)
    except minisign.Error as exc:
        raise KeyFormatError(
            where=str(path),
            value=str(exc),
            rule="a secret key is minisign's, and opened with its own passphrase",
            remedy="name the .key file and the file with its passphrase",
        ) from exc


def load_public(name: str) -> PublicKey:
    """A public key, named by its file or given as minisign's base64.

    Raises:
        KeyFileError: there is no such file.
        KeyFormatError: it is no public key.
    """
    if name.startswith("RW") and not Path(name).exists():
        return PublicKey(name)
    return PublicKey.parse(_read(Path(name), secret=False).decode("ascii", "replace"))


def read_document(path: Path) -> bytes:
    """A small file such as `trust.json`.

    Raises:
        KeyFileError: it cannot be read.
    """
    return _read(path, secret=False)


def passphrase_from(file: Path | None, *, confirm: bool = False) -> Passphrase:
    """How to get at passphrases: the first line of a file, or else asked for on the terminal.

    Args:
        file: of mode 0600; or a pipe, as in `--passphrase-file <(pass show trivet)`.
        confirm: ask twice.
    """

    def ask(key: str) -> str:
        if file is not None:
            return _read(file, secret=file.is_file()).decode().partition("\n")[0]
        if not sys.stdin.isatty():
            raise KeyFileError(
                value="no terminal to ask on",
                rule=f"the passphrase of {key} is needed",
                remedy="name the file that holds it with --passphrase-file",
            )
        first = getpass.getpass(f"Passphrase of {key}: ")
        if confirm and getpass.getpass("The same again: ") != first:
            raise KeyFormatError(
                value="two different passphrases", rule="both are the same", remedy="run the command again"
            )
        return first

    return ask


def _not_empty(passphrase: str) -> str:
    if not passphrase:
        raise KeyFormatError(
            value="an empty passphrase", rule="a secret key is kept under a passphrase", remedy="choose one"
        )
    return passphrase


def _create(path: Path, data: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path, *, secret: bool) -> bytes:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if secret and mode & _OTHERS:
                raise KeyFileError(
                    value=f"{path} has mode {stat.S_IMODE(mode):04o}",
                    rule="nobody but its owner may read a secret",
                    remedy=f"run `chmod 600 {path}`",
                )
            return file.read(_LIMIT)
    except OSError as exc:
        raise KeyFileError(
            value=f"{path}: {exc.strerror}",
            rule="a key or passphrase is in a file that can be read",
            remedy="check the path; `trivet keys new NAME` makes a pair",
        ) from exc
