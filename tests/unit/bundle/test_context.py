"""A context's digest changes with what decides an image, and with nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from trivet.bundle.context import context_digest, files, stage
from trivet.errors import BuildError

EPOCH = 1735689600


@pytest.fixture
def services(tmp_path: Path) -> Path:
    root = tmp_path / "services"
    for path, text in {
        "base/prepare": "#!/bin/sh\n",
        "llama/Containerfile": "FROM scratch\n",
        "llama/app/main.py": "print()\n",
        "other/Containerfile": "FROM scratch\n",
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


CHANGES: list[Callable[[Path], object]] = [
    lambda root: (root / "llama/app/main.py").write_text("print(1)\n"),
    lambda root: (root / "llama/app/main.py").rename(root / "llama/app/other.py"),
    lambda root: (root / "llama/app/main.py").chmod(0o755),
    lambda root: (root / "llama/new").touch(),
    lambda root: (root / "base/prepare").write_text("#!/bin/sh\nexit\n"),
]
NO_CHANGES: list[Callable[[Path], object]] = [
    lambda root: (root / "other/Containerfile").write_text("FROM other\n"),
    lambda root: (root / "llama/.hidden").touch(),
    lambda root: (root / "llama/app/__pycache__").mkdir(),
    lambda root: (root / "llama/app/main.py").chmod(0o600),
    lambda root: os.utime(root / "llama/app/main.py", (1, 1)),
    lambda root: (root / "llama/empty").mkdir(),
]


@pytest.mark.parametrize("change", CHANGES)
def test_what_decides_an_image_changes_the_digest(services: Path, change: Callable[[Path], object]) -> None:
    before = context_digest(services, "llama", EPOCH)
    change(services)
    assert context_digest(services, "llama", EPOCH) != before


@pytest.mark.parametrize("change", NO_CHANGES)
def test_what_does_not_leaves_it(services: Path, change: Callable[[Path], object]) -> None:
    before = context_digest(services, "llama", EPOCH)
    change(services)
    assert context_digest(services, "llama", EPOCH) == before


def test_the_date_counts_and_the_place_does_not(services: Path, tmp_path: Path) -> None:
    before = context_digest(services, "llama", EPOCH)
    assert context_digest(services, "llama", EPOCH + 1) != before
    assert context_digest(services.rename(tmp_path / "elsewhere"), "llama", EPOCH) == before


def test_a_file_cannot_pass_for_its_neighbour(services: Path) -> None:
    (services / "llama/a").write_text("1")
    (services / "llama/b").write_text("2")
    before = context_digest(services, "llama", EPOCH)
    (services / "llama/a").write_text("2")
    (services / "llama/b").write_text("1")
    assert context_digest(services, "llama", EPOCH) != before


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_staged_copy_does_not_depend_on_the_umask(services: Path, tmp_path: Path, umask: int) -> None:
    (services / "llama/run").touch(mode=0o700)
    (services / "llama/app").chmod(0o700)
    before = os.umask(umask)
    try:
        stage(services / "llama", tmp_path / "copy")
    finally:
        os.umask(before)
    modes = {p.relative_to(tmp_path).as_posix(): oct(p.stat().st_mode & 0o777) for p in (tmp_path / "copy").rglob("*")}
    assert modes == {
        "copy/Containerfile": "0o644",
        "copy/app": "0o755",
        "copy/app/main.py": "0o644",
        "copy/run": "0o755",
    }
    assert (tmp_path / "copy").stat().st_mode & 0o777 == 0o755


def test_hidden_files_and_bytecode_stay_behind(services: Path) -> None:
    (services / "llama/.env").write_text("SECRET=1")
    (services / "llama/app/__pycache__").mkdir()
    (services / "llama/app/__pycache__/main.pyc").touch()
    assert [path.name for path in files(services / "llama")] == ["Containerfile", "main.py"]


def test_a_symbolic_link_is_refused(services: Path) -> None:
    (services / "llama/link").symlink_to("/etc/passwd")
    with pytest.raises(BuildError, match="link"):
        context_digest(services, "llama", EPOCH)


def test_an_image_without_a_folder_is_refused(services: Path) -> None:
    with pytest.raises(BuildError, match="absent"):
        context_digest(services, "absent", EPOCH)
