"""`install.sh` is signed, named by the index, and believes nothing that is not. It is run for real, as `--dry-run`."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.unit.bundle.bundles import HOST, NOW, pinned, seed, signer, tree
from trivet.bundle.create import create_bundle
from trivet.bundle.documents import INSTALLER_FILE
from trivet.bundle.minisig import signature_name
from trivet.bundle.refusals import DigestError, MissingFileError, SignatureError, UnexpectedFileError, UnsignedError
from trivet.bundle.sign import sign_bundle
from trivet.bundle.split import split_bundle
from trivet.bundle.verify import verify_bundle
from trivet.errors import IntegrityError
from trivet.spec.digest import sha256_digest

FAR = datetime(2999, 1, 1, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("impatient")


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle for bare hosts, signed by `officer`."""
    return seed(tmp_path / "store", artifacts=HOST, expires=FAR).bundle(tmp_path / "b")


def run(bundle: Path, *args: str, keys: tuple[str, ...] = ("officer",)) -> subprocess.CompletedProcess[str]:
    """Run it where a container engine's command is on PATH, so that nothing is missing."""
    stub = bundle.parent / "bin" / "docker"
    stub.parent.mkdir(exist_ok=True)
    stub.write_text("#!/bin/sh\n")
    stub.chmod(0o755)
    named = [word for name in keys for word in ("--key", signer(name).public.text)]
    return subprocess.run(
        ["bash", str(bundle / INSTALLER_FILE), *named, "--dry-run", *args],
        env={"PATH": f"{stub.parent}:{os.environ['PATH']}", "TMPDIR": str(bundle.parent)},
        capture_output=True,
        text=True,
        check=False,
    )


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def append_a_line(path: Path) -> None:
    path.write_text(path.read_text() + "# mine\n")


def some_blob(bundle: Path) -> Path:
    return bundle / "blobs" / "sha256" / sha256_digest(b"no wheel").removeprefix("sha256:")


def test_a_bundle_for_bare_hosts_has_a_signed_installer_that_the_index_names(bundle: Path) -> None:
    trusted = verify_bundle(bundle, pinned(), now=NOW).trusted
    data = (bundle / INSTALLER_FILE).read_bytes()
    assert trusted.index.installer == sha256_digest(data)
    assert b"bookworm " + sha256_digest(b"no package").removeprefix("sha256:").encode() in data
    assert (bundle / INSTALLER_FILE).stat().st_mode & 0o111
    assert (bundle / signature_name(INSTALLER_FILE, signer("officer").public.id)).exists()


def test_another_bundle_has_none(tmp_path: Path) -> None:
    assert not (seed(tmp_path / "store").bundle(tmp_path / "b") / INSTALLER_FILE).exists()


@pytest.mark.parametrize(
    ("damage", "error"),
    [
        (lambda b: (b / INSTALLER_FILE).write_text("echo mine"), SignatureError),
        (lambda b: [each.unlink() for each in b.glob("install.sh*")], MissingFileError),
        (lambda b: [each.unlink() for each in b.glob("install.sh.*")], UnsignedError),
    ],
)
def test_an_installer_that_is_not_the_signed_one_is_refused(
    bundle: Path, damage: Callable[[Path], object], error: type[IntegrityError]
) -> None:
    damage(bundle)
    with pytest.raises(error, match=r"install\.sh"):
        verify_bundle(bundle, pinned(), now=NOW)


def test_an_installer_of_another_bundle_is_refused_though_it_is_signed(bundle: Path, tmp_path: Path) -> None:
    other = {**HOST, "debian/trixie-signature": HOST["debian/bookworm-signature"]}
    strange = seed(tmp_path / "other", artifacts=other).bundle(tmp_path / "c")
    for path in strange.glob("install.sh*"):
        shutil.copy(path, bundle)
    with pytest.raises(DigestError, match=r"install\.sh"):
        verify_bundle(bundle, pinned(), now=NOW)
    assert "the one that index.json names" in run(bundle).stderr


def test_an_installer_that_the_index_does_not_name_is_refused(bundle: Path, tmp_path: Path) -> None:
    plain = seed(tmp_path / "plain").bundle(tmp_path / "c")
    for path in bundle.glob("install.sh*"):
        shutil.copy(path, plain)
    with pytest.raises(UnexpectedFileError, match=r"install\.sh"):
        verify_bundle(plain, pinned(), now=NOW)


def test_parts_and_further_signers_carry_the_installer(bundle: Path, tmp_path: Path) -> None:
    sign_bundle(bundle, [signer("second")], pinned())
    assert (bundle / signature_name(INSTALLER_FILE, signer("second").public.id)).exists()
    split_bundle(bundle, tmp_path / "parts", 2 << 20, [signer("officer")], pinned(), now=NOW)
    assert (tmp_path / "parts" / "part-1-of-1" / INSTALLER_FILE).exists()


def test_a_sound_bundle_is_verified_and_nothing_is_written(bundle: Path) -> None:
    before = tree(bundle)
    done = run(bundle, "--into", str(bundle.parent / "never"))
    assert done.returncode == 0, done.stderr
    assert f"signed   {signer('officer').public.id}" in done.stdout
    assert "nothing was written" in done.stdout
    assert tree(bundle) == before
    assert not (bundle.parent / "never").exists()
    assert not list(bundle.parent.glob("tmp.*"))


def test_the_key_may_be_a_file(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "officer.pub").write_text(signer("officer").public.dump())
    assert run(bundle, "--key", str(tmp_path / "officer.pub"), keys=()).returncode == 0


def test_as_many_must_have_signed_as_the_threshold_says(bundle: Path) -> None:
    refused = run(bundle, "--threshold", "2", keys=("officer", "second"))
    assert refused.returncode == 2
    assert "2 of the named keys have signed" in refused.stderr
    sign_bundle(bundle, [signer("second")], pinned())
    assert run(bundle, "--threshold", "2", keys=("officer", "second")).returncode == 0


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda b: flip(b / "index.json"), "of exactly this index.json"),
        (lambda b: flip(next(b.glob("index.json.*"))), "of exactly this index.json"),
        (lambda b: next(b.glob("index.json.*")).unlink(), "none of the named keys"),
        (lambda b: flip(some_blob(b)), f"blobs/sha256/{some_blob(Path()).name}"),
        (lambda b: some_blob(b).unlink(), "every blob travels along"),
        (lambda b: (b / "delta.json").write_text("{}"), "whole bundle"),
        (lambda b: (b / "part.json").write_text("{}"), "whole bundle"),
        (lambda b: (b / "link").symlink_to("/etc/passwd"), "plain files"),
        (lambda b: append_a_line(b / INSTALLER_FILE), "the one that index.json names"),
    ],
)
def test_what_is_damaged_is_refused(bundle: Path, damage: Callable[[Path], object], message: str) -> None:
    damage(bundle)
    done = run(bundle)
    assert done.returncode == 2
    assert message in done.stderr
    assert "remedy:" in done.stderr


def test_a_stranger_s_signature_counts_for_nothing(bundle: Path) -> None:
    done = run(bundle, keys=("stranger",))
    assert (done.returncode, "none of the named keys" in done.stderr) == (2, True)


def test_an_expired_bundle_is_refused(tmp_path: Path) -> None:
    old = seed(tmp_path / "store", artifacts=HOST, expires=datetime(2026, 1, 2, tzinfo=UTC)).bundle(tmp_path / "b")
    done = run(old)
    assert (done.returncode, "holds until 2026-01-02T00:00:00Z" in done.stderr) == (2, True)


def test_a_bundle_from_the_future_is_refused(tmp_path: Path) -> None:
    origin = seed(tmp_path / "store", artifacts=HOST, expires=FAR)
    future = type(origin.contents)(**{**vars(origin.contents), "created": datetime(2998, 1, 1, tzinfo=UTC)})
    create_bundle(origin.store, future, tmp_path / "b", [signer("officer")])
    assert "was made at 2998-01-01T00:00:00Z" in run(tmp_path / "b").stderr


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--treshold", "1"), "no such option"),
        (("--threshold", "2"), "as many keys"),
        (("--threshold", "0"), "as many keys"),
        (("--into", "relative"), "absolute path"),
        (("--into", "/srv/a b"), "absolute path"),
        (("--into",), "has a value"),
        (("--stack", "../x"), "stack's name"),
        (("--key", "RWQnonsense"), "public key"),
        (("--key", "/etc/passwd"), "public key"),
    ],
)
def test_bad_arguments_are_refused(bundle: Path, args: tuple[str, ...], message: str) -> None:
    done = run(bundle, *args)
    assert (done.returncode, message in done.stderr) == (2, True), done.stderr


def test_without_a_key_nothing_is_believed(bundle: Path) -> None:
    done = run(bundle, keys=())
    assert (done.returncode, "no --key" in done.stderr) == (2, True)


def test_a_machine_without_openssl_trusts_no_package_but_the_named_one(bundle: Path, tmp_path: Path) -> None:
    """Debian's tools are there, openssl is not; the package in the bundle is none, so that unpacking it must fail."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("bash", "cat", "dirname", "mktemp", "rm", "uname", "sha256sum", "dpkg-deb", "tar", "env"):
        found = shutil.which(name)
        assert found, f"{name} is on every Debian"
        (tools / name).symlink_to(found)
    package = bundle / "blobs" / "sha256" / sha256_digest(b"no package").removeprefix("sha256:")
    flip(package)
    done = subprocess.run(
        ["bash", str(bundle / INSTALLER_FILE), "--key", signer("officer").public.text],
        env={"PATH": str(tools)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    wanted = "the package has the digest" if "bookworm" in Path("/etc/os-release").read_text() else "no openssl 3"
    assert wanted in done.stderr
