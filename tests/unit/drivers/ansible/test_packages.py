"""Debian packages become a source of apt's on a host: apt itself reads it, on this machine, and finds no other."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path, PurePosixPath

import pytest

from tests.unit.bundle.sbom.test_contents import package
from trivet.bundle.artifacts import keep_artifact
from trivet.bundle.files import DEBIAN
from trivet.bundle.layout import Layout
from trivet.drivers.ansible import packages
from trivet.drivers.ansible.packages import lay_out
from trivet.drivers.local import LocalHost
from trivet.errors import HostError, IntegrityError

CONTROL = "Package: {}\nVersion: 1.0\nArchitecture: all\nMaintainer: M <m@example.org>\nDescription: d\n more of it\n"


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(packages, "DIRECTORY", PurePosixPath(tmp_path / "source"))
    monkeypatch.setattr(packages, "SOURCES", f"deb [trusted=yes] file:{tmp_path / 'source'} ./\n")
    return tmp_path / "source"


@pytest.fixture
def store(tmp_path: Path) -> Layout:
    return Layout.create(tmp_path / "store")


def manifest(store: Layout, folder: Path, *names: str) -> str:
    folder.mkdir(exist_ok=True)
    files = {f"{name}_1.0_all.deb": folder / name for name in names}
    for name, path in zip(names, files.values(), strict=True):
        path.write_bytes(package(CONTROL.format(name)))
    return keep_artifact(store, "debian/trixie-workstation", DEBIAN, files, f"sha256:{0:064}").manifest


def release() -> str:
    text = Path("/etc/os-release").read_text()
    return next(line.partition("=")[2] for line in text.splitlines() if line.startswith("VERSION_CODENAME="))


def supply(store: Layout, digest: str) -> list[str]:
    said: list[str] = []
    lay_out(LocalHost(), store, {release(): digest}, said.append)
    return said


@pytest.mark.skipif(shutil.which("apt-get") is None, reason="apt reads it")
def test_apt_finds_these_packages_and_no_others(store: Layout, source: Path, tmp_path: Path) -> None:
    supply(store, manifest(store, tmp_path / "debs", "first", "second"))
    (tmp_path / "lists" / "partial").mkdir(parents=True)
    options = [
        *("-o", f"Dir::Etc::SourceList={source}/sources.list", "-o", "Dir::Etc::SourceParts=/dev/null"),
        *("-o", f"Dir::State::Lists={tmp_path}/lists", "-o", f"Dir::Cache={tmp_path}", "-o", "APT::Sandbox::User="),
        *("-o", f"Dir::State::Status={tmp_path}/status", "-o", "Debug::NoLocking=1"),
    ]
    (tmp_path / "status").touch()
    subprocess.run(["apt-get", *options, "--quiet", "update"], check=True, capture_output=True)
    found = subprocess.run(["apt-cache", *options, "pkgnames"], check=True, capture_output=True, text=True).stdout
    assert sorted(found.split()) == ["first", "second"]
    (source / "first_1.0_all.deb").chmod(0o644)
    (source / "first_1.0_all.deb").write_bytes(package(CONTROL.format("worse")))
    fetch = ["apt-get", *options, "--yes", "--download-only", "install", "first"]
    refused = subprocess.run(fetch, check=False, capture_output=True, text=True)
    assert refused.returncode != 0
    assert "Hash Sum mismatch" in refused.stderr or "unexpected size" in refused.stderr


def test_only_what_is_absent_is_copied_and_what_is_not_listed_goes(store: Layout, source: Path, tmp_path: Path) -> None:
    assert len(supply(store, manifest(store, tmp_path / "debs", "first", "second"))) == 2
    assert len(supply(store, manifest(store, tmp_path / "debs", "second", "third"))) == 1
    assert sorted(path.name for path in source.glob("*.deb")) == ["second_1.0_all.deb", "third_1.0_all.deb"]
    assert "first" not in (source / "Packages").read_text()


def test_a_damaged_package_is_refused_before_apt_is_told(store: Layout, source: Path, tmp_path: Path) -> None:
    digest = manifest(store, tmp_path / "debs", "first")
    blob = store.path(store.manifest(store.entry(digest)).layers[0])
    data = bytearray(blob.read_bytes())
    data[-1] ^= 1
    blob.chmod(0o644)
    blob.write_bytes(data)
    with pytest.raises(IntegrityError, match="remove the file"):
        supply(store, digest)
    assert not (source / "Packages").exists()


def test_a_host_of_another_release_is_refused(store: Layout, source: Path) -> None:
    with pytest.raises(HostError, match="trivet build --host"):
        lay_out(LocalHost(), store, {"sid": "sha256:0"}, print)
    assert not source.exists()
