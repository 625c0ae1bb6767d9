"""Key files: minisign's format, a passphrase that is never an argument, mode 0600."""

from __future__ import annotations

import getpass
import io
import sys
from pathlib import Path

import pytest

from trivet.bundle import keys
from trivet.bundle.keys import KeyFileError, load_public, load_signer, new_key, passphrase_from
from trivet.bundle.minisig import KeyFormatError, Signature


@pytest.fixture(autouse=True)
def cheap_derivation(monkeypatch: pytest.MonkeyPatch) -> None:
    """A passphrase costs half a second and 128 MiB on purpose; not here."""
    monkeypatch.setattr(keys, "OPSLIMIT", 1 << 15)
    monkeypatch.setattr(keys, "MEMLIMIT", 1 << 20)


@pytest.fixture
def passphrase(tmp_path: Path) -> Path:
    path = tmp_path / "passphrase"
    path.touch(0o600)
    path.write_text("correct horse\nnot part of it\n")
    return path


@pytest.fixture
def key(tmp_path: Path, passphrase: Path) -> Path:
    new_key(tmp_path / "keys" / "officer", passphrase_from(passphrase))
    return tmp_path / "keys" / "officer"


def test_a_new_key_signs_and_its_files_are_as_minisign_has_them(key: Path, passphrase: Path) -> None:
    secret, public = key.with_suffix(".key"), key.with_suffix(".pub")
    assert secret.stat().st_mode & 0o777 == 0o600
    assert secret.read_text().startswith("untrusted comment: minisign encrypted secret key\n")
    signer = load_signer(secret, passphrase_from(passphrase))
    found = load_public(str(public))
    assert found == signer.public == load_public(found.text)
    found.verify(b"data", Signature.parse(signer.sign(b"data", ""), ""), "")
    assert public.read_text() == found.dump()


def test_a_wrong_passphrase_is_refused(key: Path, passphrase: Path) -> None:
    passphrase.write_text("wrong")
    with pytest.raises(KeyFormatError, match="wrong password"):
        load_signer(key.with_suffix(".key"), passphrase_from(passphrase))


@pytest.mark.parametrize("suffix", [".key", ".pub"])
def test_a_key_is_never_written_over(key: Path, passphrase: Path, suffix: str) -> None:
    key.with_suffix({".key": ".pub", ".pub": ".key"}[suffix]).unlink()
    before = key.with_suffix(suffix).read_bytes()
    with pytest.raises(KeyFileError, match="never written over"):
        new_key(key, passphrase_from(passphrase))
    assert key.with_suffix(suffix).read_bytes() == before
    assert len(list(key.parent.iterdir())) == 1


@pytest.mark.parametrize("name", [".key", "passphrase"])
def test_a_secret_that_others_may_read_is_refused(key: Path, passphrase: Path, name: str) -> None:
    exposed = passphrase if name == "passphrase" else key.with_suffix(name)
    exposed.chmod(0o640)
    with pytest.raises(KeyFileError, match=f"chmod 600 {exposed}"):
        load_signer(key.with_suffix(".key"), passphrase_from(passphrase))


def test_an_empty_passphrase_is_refused(tmp_path: Path, passphrase: Path) -> None:
    passphrase.write_text("\n")
    with pytest.raises(KeyFormatError, match="empty passphrase"):
        new_key(tmp_path / "x", passphrase_from(passphrase))
    assert not (tmp_path / "x.key").exists()


def test_what_is_no_secret_key_is_refused(tmp_path: Path, passphrase: Path) -> None:
    with pytest.raises(KeyFormatError, match="minisign's"):
        load_signer(passphrase, passphrase_from(passphrase))
    with pytest.raises(KeyFileError, match="No such file"):
        load_signer(tmp_path / "nothing.key", passphrase_from(passphrase))


def test_without_a_terminal_the_passphrase_must_be_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("correct horse\n"))
    with pytest.raises(KeyFileError, match="--passphrase-file"):
        passphrase_from(None)("officer.key")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_a_new_passphrase_is_asked_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["one", "two", "one", "one"])
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(getpass, "getpass", lambda _: next(answers))
    with pytest.raises(KeyFormatError, match="two different"):
        passphrase_from(None, confirm=True)("officer.key")
    assert passphrase_from(None, confirm=True)("officer.key") == "one"
