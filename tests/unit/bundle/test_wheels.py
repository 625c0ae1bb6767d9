"""Wheels are fetched once a lock, by hash, for the image's Python."""

from __future__ import annotations

import hashlib
import platform
import zipfile
from pathlib import Path

import pytest

from trivet.bundle.wheels import fetch_wheels
from trivet.errors import BuildError


def wheel(folder: Path, name: str, tag: str) -> str:
    """Make a wheel; returns its line in a lock."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}-1.0-{tag}.whl"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(f"{name}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        file.writestr(f"{name}-1.0.dist-info/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        file.writestr(f"{name}-1.0.dist-info/RECORD", "")
    return f"{name}==1.0 --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels in the place of the package index."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def fetch(root: Path, requirements: str, pip: str, python: str = "3.13") -> Path:
    (root / "requirements.txt").write_text(requirements)
    (root / "pip.txt").write_text(pip)
    return fetch_wheels(root / "requirements.txt", root / "pip.txt", python, root / "cache", root / "log")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_wheels_are_for_the_python_of_the_image_and_not_for_ours(tmp_path: Path, index: Path) -> None:
    pip = wheel(index, "pip", "py3-none-any")
    tag = f"cp314-cp314-manylinux_2_28_{platform.machine()}"
    lock = wheel(index, "native", tag)
    assert names(fetch(tmp_path, lock, pip, "3.14")) == [f"native-1.0-{tag}.whl", "pip.whl"]
    with pytest.raises(BuildError, match="native"):
        fetch(tmp_path, lock, pip, "3.13")


def test_a_wheel_with_another_hash_is_refused(tmp_path: Path, index: Path) -> None:
    pip, lock = wheel(index, "pip", "py3-none-any"), wheel(index, "pure", "py3-none-any")
    with pytest.raises(BuildError, match="HASHES"):
        fetch(tmp_path, lock.replace(lock[-10:], "000000000\n"), pip)
    assert [path.suffix for path in (tmp_path / "cache").iterdir() if path.is_dir() and not path.suffix] == []


def test_a_wheel_without_a_hash_is_refused(tmp_path: Path, index: Path) -> None:
    pip, lock = wheel(index, "pip", "py3-none-any"), wheel(index, "pure", "py3-none-any")
    with pytest.raises(BuildError):
        fetch(tmp_path, lock.split()[0] + "\n", pip)


def test_the_same_lock_is_fetched_once(tmp_path: Path, index: Path) -> None:
    pip, lock = wheel(index, "pip", "py3-none-any"), wheel(index, "pure", "py3-none-any")
    folder = fetch(tmp_path, lock, pip)
    for path in index.iterdir():
        path.unlink()
    assert fetch(tmp_path, lock, pip) == folder


def test_a_new_lock_takes_the_place_of_the_old_one(tmp_path: Path, index: Path) -> None:
    pip, lock = wheel(index, "pip", "py3-none-any"), wheel(index, "pure", "py3-none-any")
    old = fetch(tmp_path, lock, pip)
    new = fetch(tmp_path, lock + wheel(index, "other", "py3-none-any"), pip)
    assert not old.exists()
    assert len(names(new)) == 3
