"""A bare host whose way out is cut becomes a workstation from the bundle's Debian packages."""

from __future__ import annotations

import subprocess

import pytest

from tests.host.conftest import CACHE, NewWorkstation, Pinned
from tests.host.playing import inside, play
from tests.program.bare_host import COUNT, instruments
from tests.unit.examples import ROOT
from trivet.bundle.artifacts import keep_artifact
from trivet.bundle.base import Mirrors
from trivet.bundle.files import DEBIAN
from trivet.bundle.host.packages import fetch_packages
from trivet.bundle.host.suite import load_suite
from trivet.bundle.layout import Layout
from trivet.drivers.ansible.packages import DIRECTORY, lay_out
from trivet.drivers.ssh import SshHost
from trivet.errors import EngineError, HostError
from trivet.spec.digest import json_digest

# Who is there already may be answered; whoever asks the world gets as far as the counter.
CUT = """
nft -f - <<END
table inet cut {
  counter attempts {}
  chain output {
    type filter hook output priority 10;
    ct state established,related accept
    oifname "eth0" counter name attempts reject
  }
}
END
"""


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> tuple[Layout, str]:
    """A store with the group that the roles install from, fetched once and kept, and the digest of its artifact."""
    suite = load_suite(ROOT / "tools" / "host", "trixie")
    group = suite.model_copy(update={"packages": {"workstation": suite.packages["workstation"]}})
    name = json_digest(group.model_dump(mode="json")).removeprefix("sha256:")[:12]
    files = fetch_packages(group, Mirrors.of(), CACHE / f"packages-{name}", CACHE / f"packages-{name}.log")
    store = Layout.create(tmp_path_factory.mktemp("packages") / "store")
    kept = keep_artifact(store, "debian/trixie-workstation", DEBIAN, files["workstation"], json_digest(name))
    return store, kept.manifest


def beside(name: str, script: str) -> str:
    """Run a script in the host's network, with instruments that the host does not have."""
    argv = ["docker", "run", "--rm", "--interactive", f"--network=container:{name}", "--cap-add=NET_ADMIN"]
    done = subprocess.run([*argv, instruments(), "sh", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_roles_are_played_from_the_bundles_packages_and_nobody_is_asked_for_any(
    new_workstation: NewWorkstation, pinned: Pinned, packages: tuple[Layout, str]
) -> None:
    store, manifest = packages
    host = new_workstation("bare")
    target = pinned(host, user="root")
    beside(host.name, CUT)
    with pytest.raises(EngineError):
        host.sh("apt-get -o Acquire::Retries=0 -o APT::Update::Error-Mode=any -qq update")
    assert int(beside(host.name, COUNT)) > 0, "an attempt is seen"
    remote = SshHost(target)
    try:
        with pytest.raises(HostError, match="trivet build --host trixie"):
            lay_out(remote, store, {"bookworm": manifest}, print)
        lay_out(remote, store, {"trixie": manifest}, lambda _: None)
        again: list[str] = []
        lay_out(remote, store, {"trixie": manifest}, again.append)
    finally:
        remote.close()
    assert again == [], "what is there is not copied again"

    with pytest.raises(HostError, match="restic"):
        play(target, "backup", backup_password="canary")
    beside(host.name, "nft reset counter inet cut attempts")

    roles = ("engine", "backup", "power")
    settings = {
        "workstation_packages": str(DIRECTORY),
        "backup_password": "canary",
        "power_wake_on_lan": True,
    }
    assert "engine: Install docker.io, docker-cli, docker-compose, iptables" in (
        play(target, *roles, check=True, **settings).changes
    )
    play(target, *roles, **settings)
    there = inside(host)
    assert all(there.package(name).is_installed for name in ("docker.io", "restic", "ethtool"))
    assert there.check_output("docker compose version --short").startswith("2.")
    assert not there.package("caddy").is_installed
    assert int(beside(host.name, COUNT)) == 0, "nobody was asked"
    assert play(target, *roles, check=True, **settings).changes == {}
