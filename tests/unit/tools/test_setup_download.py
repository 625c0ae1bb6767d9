"""The download of the official Pulumi CLI, from a real server: only what is published is installed."""

from __future__ import annotations

import hashlib
import io
import platform
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.unit.bundle.web import Site, serve
from tests.unit.examples import ROOT

NAME = f"pulumi-v9.9.9-linux-{'arm64' if platform.machine() == 'aarch64' else 'x64'}.tar.gz"
NOT_DELIVERED = 69


@pytest.fixture
def published() -> Site:
    return site("pulumi", "pulumi-language-python", "pulumi-language-python-exec", "pulumi-language-go")


def site(*programs: str) -> Site:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name in programs:
            member = tarfile.TarInfo(f"pulumi/{name}")
            member.size = len(name)
            tar.addfile(member, io.BytesIO(name.encode()))
    data = packed.getvalue()
    sums = f"{'0' * 64}  pulumi-v9.9.9-other.tar.gz\n{hashlib.sha256(data).hexdigest()}  {NAME}\n"
    return Site(files={f"/{NAME}": data, "/pulumi-9.9.9-checksums.txt": sums.encode()})


def download(url: str, folder: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, ROOT / "tools/setup/download_pulumi.py", "v9.9.9", folder],
        env={"TRIVET_PULUMI_URL": url}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_the_cli_and_the_python_host_are_installed_and_executable(published: Site, tmp_path: Path) -> None:
    with serve(published):
        assert download(published.url, tmp_path) == (0, "")
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {
        name: name for name in ("pulumi", "pulumi-language-python", "pulumi-language-python-exec")
    }
    assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o755}


@pytest.mark.parametrize("wrong", ["archive", "checksums"])
def test_an_archive_without_its_published_checksum_is_refused(published: Site, tmp_path: Path, wrong: str) -> None:
    file = f"/{NAME}" if wrong == "archive" else "/pulumi-9.9.9-checksums.txt"
    published.files[file] = site("pulumi").files[file]
    with serve(published):
        status, said = download(published.url, tmp_path)
    assert status == 1
    assert f"{NAME}: its SHA-256, " in said
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_has_not_got_it_is_no_error_of_ours(tmp_path: Path) -> None:
    with serve(Site()) as empty:
        status, said = download(empty.url, tmp_path)
    assert status == NOT_DELIVERED
    assert "404" in said


def test_a_download_that_breaks_off_leaves_nothing(published: Site, tmp_path: Path) -> None:
    published.cut_after = [1000, 20]  # bytes of the checksums, which are fewer, and of the archive
    with serve(published):
        assert download(published.url, tmp_path)[0] == NOT_DELIVERED
    assert list(tmp_path.iterdir()) == []


def test_a_closed_network_is_told_from_a_bad_archive(tmp_path: Path) -> None:
    status, said = download("http://127.0.0.1:1", tmp_path)
    assert status == NOT_DELIVERED
    assert f"does not deliver {NAME}" in said
