"""Debian packages travel under the names that the archive gives them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.examples import ROOT
from trivet.bundle.base import Mirrors
from trivet.bundle.host.packages import fetch_packages
from trivet.bundle.host.suite import load_suite
from trivet.bundle.trust import is_file_name

SUITE = load_suite(ROOT / "tools" / "host", "trixie")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Packages that an earlier run fetched."""
    folder = tmp_path / "trixie-0"
    for group in SUITE.packages:
        (folder / group / "partial").mkdir(parents=True)
        (folder / group / "lock").touch()
    (folder / "engine" / "login_1%3a4.16.0-2+really2.41.5-0+deb13u1_amd64.deb").touch()
    (folder / "engine" / "containerd_1.7.24~ds1-6+deb13u1_amd64.deb").touch()
    return folder


def test_packages_are_fetched_once_and_named_without_the_epoch(cache: Path, tmp_path: Path) -> None:
    found = fetch_packages(SUITE, Mirrors(main="http://192.0.2.1"), cache, tmp_path / "log")
    assert list(found["engine"]) == [
        "containerd_1.7.24~ds1-6+deb13u1_amd64.deb",
        "login_4.16.0-2+really2.41.5-0+deb13u1_amd64.deb",
    ]
    assert found["python"] == {}
    assert all(is_file_name(name) for name in found["engine"])
