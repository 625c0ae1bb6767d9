"""Trivet's wheel has the same bytes whatever the checkout's path, modes, dates and umask."""

from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
from pathlib import Path

import pytest

from tests.unit.bundle.host import checkouts
from trivet.bundle.host.own_wheel import build_wheel, wheel_inputs
from trivet.errors import BuildError

EPOCH = 1735689600


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return checkouts.checkout(tmp_path / "checkout")


def build(root: Path, scratch: Path) -> tuple[str, str]:
    ((name, path),) = build_wheel(root, EPOCH, scratch / "wheel", scratch / "log").items()
    return name, hashlib.sha256(path.read_bytes()).hexdigest()


def test_two_builds_in_different_conditions_give_the_same_bytes(checkout: Path, tmp_path: Path) -> None:
    first = build(checkout, tmp_path)
    other = tmp_path / "elsewhere"
    old = os.umask(0o077)
    try:
        shutil.copytree(checkout, other)
        for path in other.rglob("*"):
            path.chmod(0o700 if path.is_dir() else 0o600)
            os.utime(path, (0, 0))
        assert build(other, tmp_path) == first
    finally:
        os.umask(old)
    assert wheel_inputs(other, EPOCH) == wheel_inputs(checkout, EPOCH)


def test_the_wheel_brings_the_installer_and_leaves_the_checkout_as_it_is(checkout: Path, tmp_path: Path) -> None:
    before = sorted(checkout.rglob("*"))
    build(checkout, tmp_path)
    with zipfile.ZipFile(tmp_path / "wheel" / "trivet-1.0-py3-none-any.whl") as wheel:
        assert "trivet/bundle/install.sh" in wheel.namelist()
    assert sorted(checkout.rglob("*")) == before


def test_a_change_of_a_source_is_a_change_of_the_inputs(checkout: Path) -> None:
    before = wheel_inputs(checkout, EPOCH)
    (checkout / "trivet" / "new.py").write_text("")
    assert wheel_inputs(checkout, EPOCH) != before


def test_what_is_no_checkout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="checkout"):
        wheel_inputs(tmp_path, EPOCH)
