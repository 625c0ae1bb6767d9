"""Debian releases that bundles can be installed on are described in files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.examples import ROOT
from trivet.bundle.host.suite import load_suite
from trivet.errors import BuildError

GOOD = 'suite = "trixie"\npython = "3.13"\nglibc = "2.41"\n[packages]\nengine = ["docker.io"]\n'


@pytest.mark.parametrize(("name", "tag"), [("trixie", "cp313"), ("bookworm", "cp311")])
def test_the_repository_describes_debian_12_and_13(name: str, tag: str) -> None:
    suite = load_suite(ROOT / "tools" / "host", name)
    assert (suite.suite, suite.tag) == (name, tag)
    assert suite.packages.keys() == {"engine", "python", "signature"}


def test_a_release_that_is_not_described_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "trixie.toml").write_text(GOOD)
    with pytest.raises(BuildError, match=r"sid.*\n.*: trixie"):
        load_suite(tmp_path, "sid")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("2.41", "3.0", "glibc"),
        ('"docker.io"', '"docker.io; rm -rf /"', "packages.engine.0"),
        ("engine", "engines", "packages"),
        ("trixie", "bookworm", "named for its suite"),
        ('"trixie"', "trixie", "Invalid value"),
    ],
)
def test_a_malformed_description_says_where(tmp_path: Path, old: str, new: str, message: str) -> None:
    (tmp_path / "trixie.toml").write_text(GOOD.replace(old, new))
    with pytest.raises(BuildError, match=message):
        load_suite(tmp_path, "trixie")
