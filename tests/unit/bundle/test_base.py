"""base.toml says what an image stands on, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from trivet.bundle.base import DebianBase, ImageBase, Mirrors, load_base
from trivet.errors import BuildError

SERVICES = Path(__file__).parents[3] / "services"
KEYRING = Path("/keys.gpg")
DEBIAN = 'suite = "trixie"\npackages = ["python3"]\nprograms = ["python3*"]\n'
PINNED = f"registry.example/python@sha256:{'0' * 64}"


def load(folder: Path, text: str) -> DebianBase | ImageBase:
    path = folder / "base.toml"
    path.write_text(text)
    return load_base(path)


def debian(folder: Path, extra: str = "") -> DebianBase:
    base = load(folder, DEBIAN + extra)
    assert isinstance(base, DebianBase)
    return base


@pytest.mark.parametrize("name", ["gateway", "llama", "vllm"])
def test_our_own_bases_are_debian_packages_alone(name: str) -> None:
    base = load_base(SERVICES / name / "base.toml")
    assert isinstance(base, DebianBase)
    assert not {"sh", "bash", "dash", "apt", "dpkg", "*"} & set(base.programs)


def test_a_site_may_name_its_own_image_by_digest(tmp_path: Path) -> None:
    base = load(tmp_path, f'image = "{PINNED}"\n')
    assert isinstance(base, ImageBase)
    assert base.image == PINNED


@pytest.mark.parametrize("image", ["registry.example/python:3.13", "registry.example/python", "x@sha256:0", ""])
def test_an_image_without_a_digest_is_refused(tmp_path: Path, image: str) -> None:
    with pytest.raises(BuildError, match="image"):
        load(tmp_path, f'image = "{image}"\n')


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (DEBIAN + "sweet = 1\n", "sweet"),
        (DEBIAN + f'image = "{PINNED}"\n', "suite"),
        (DEBIAN.replace("trixie", "trixie main;rm"), "suite"),
        (DEBIAN.replace('["python3"]', "[]"), "packages"),
        (DEBIAN.replace('["python3"]', '["--option=x"]'), "packages"),
        (DEBIAN + 'remove = ["/etc"]\n', "remove"),
        (DEBIAN + 'remove = ["~"]\n', "remove"),
        (DEBIAN + 'remove = ["a b"]\n', "remove"),
        (DEBIAN + 'remove = ["usr/../../etc"]\n', "remove"),
        (DEBIAN + 'remove = [".."]\n', "remove"),
        (DEBIAN + 'python = "latest"\n', "python"),
        (DEBIAN + "freeGib = 0\n", "freeGib"),
        ("suite = ", "Invalid value"),
    ],
)
def test_a_base_with_an_error_is_refused_by_its_key(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(BuildError, match=key):
        load(tmp_path, text)


def test_a_missing_base_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"base\.toml"):
        load_base(tmp_path / "base.toml")


def test_a_released_suite_brings_its_security_fixes(tmp_path: Path) -> None:
    assert debian(tmp_path).sources(Mirrors(), KEYRING) == (
        "Types: deb\nURIs: http://deb.debian.org/debian\nSuites: trixie trixie-updates\nComponents: main\n"
        "Signed-By: /keys.gpg\n\n"
        "Types: deb\nURIs: http://deb.debian.org/debian-security\nSuites: trixie-security\nComponents: main\n"
        "Signed-By: /keys.gpg\n"
    )


def test_a_stale_suite_is_taken_only_where_the_base_says_so(tmp_path: Path) -> None:
    assert "Check-Valid-Until" not in debian(tmp_path).sources(Mirrors(), KEYRING)
    sources = debian(tmp_path, "security = false\ncheckValidUntil = false\n").sources(Mirrors(), KEYRING)
    assert sources.endswith("Suites: trixie\nComponents: main\nSigned-By: /keys.gpg\nCheck-Valid-Until: no\n")


def test_mirrors_come_from_the_environment() -> None:
    assert Mirrors.of({}) == Mirrors()
    mirrors = Mirrors.of(
        {"TRIVET_DEBIAN_MIRROR": "http://a/debian", "TRIVET_DEBIAN_SECURITY_MIRROR": "http://a/security"}
    )
    assert mirrors == Mirrors(main="http://a/debian", security="http://a/security")
