"""Debian releases that bundles can be installed on are described in files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.unit.examples import ROOT
from trivet.bundle.host.suite import load_suite
from trivet.errors import BuildError

ROLES = ("engine", "hardening")
GOOD = 'suite = "trixie"\npython = "3.13"\nglibc = "2.41"\n[packages]\nengine = ["docker.io"]\n'


@pytest.mark.parametrize(("name", "tag"), [("trixie", "cp313"), ("bookworm", "cp311")])
def test_the_repository_describes_debian_12_and_13(name: str, tag: str) -> None:
    suite = load_suite(ROOT / "tools" / "host", name)
    assert (suite.suite, suite.tag) == (name, tag)
    # The roles are for Debian 13 and newer.
    assert suite.packages.keys() - {"workstation"} == {"engine", "python", "signature"}
    assert ("workstation" in suite.packages) == (name == "trixie")


def test_a_bundle_brings_every_package_that_a_role_installs() -> None:
    yaml = YAML(typ="safe", pure=True)
    wanted = set()
    for path in (ROOT / "ansible" / "roles").glob("*/*/*.yml"):
        for name in re.findall(r"packages: \[([a-z0-9, .-]+)\]", path.read_text()):
            wanted |= {each.strip() for each in name.split(",")}
    vars_of = {role: yaml.load((ROOT / "ansible" / "roles" / role / "vars" / "main.yml").read_text()) for role in ROLES}
    wanted |= {*vars_of["engine"]["engine_packages"]["Debian"]}
    wanted |= {*vars_of["hardening"]["hardening_packages"], *vars_of["hardening"]["hardening_kernel_packages"]}
    assert {"caddy", "restic", "nut-server", "docker.io", "auditd"} <= wanted
    assert wanted <= {*load_suite(ROOT / "tools" / "host", "trixie").packages["workstation"]}


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
