"""A Debian host with systemd and nothing else, whose network is cut; its only way out counts who tries to take it."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.program.stack import docker, eventually
from tests.unit.examples import ROOT
from tools.lab.workstation import CGROUP_1, CGROUP_1_INIT, CGROUP_2, RIGHTS
from trivet.bundle import tools
from trivet.bundle.base import DebianBase, Mirrors
from trivet.spec.digest import json_digest

SUITE: Final = "trixie"
HOST: Final = ("systemd-sysv",)
INSTRUMENTS: Final = ("iproute2", "nftables")
CACHE: Final = ROOT / ".trivet" / "cache" / "bare-host"
# A default route, so that whoever tries to reach the world gets as far as the counter, and no further.
CUT: Final = """
set -e
ip link add uplink type veth peer name far
ip link set far up
ip address add 192.0.2.1/24 dev uplink
ip link set uplink up
ip route add default via 192.0.2.254
nft -f - <<END
table inet cut {
  counter attempts {}
  chain output { type filter hook output priority -300; oifname "uplink" counter name attempts reject; }
  chain forward { type filter hook forward priority -300; oifname "uplink" counter name attempts reject; }
}
END
"""
COUNT: Final = "nft -j list counter inet cut attempts | grep -o '\"packets\": [0-9]*' | grep -o '[0-9]*'"
BOOT_SECONDS: Final = 60


class BareHost:
    """A container that boots systemd. It has a loopback interface, `uplink` (cut, see CUT), and /media/bundle."""

    def __init__(self, name: str, bundle: Path) -> None:
        self.name = name
        legacy = docker("info", "--format", "{{.CgroupVersion}}").strip() == "1"
        groups, init = (CGROUP_1, CGROUP_1_INIT) if legacy else (CGROUP_2, ("/sbin/init",))
        medium = f"--volume={bundle}:/media/bundle:ro"
        self._instruments = instruments()
        docker(
            "run", "--detach", f"--name={name}", "--network=none", medium, *RIGHTS, *groups, _image("host", HOST), *init
        )
        eventually(lambda: self.run("systemctl is-system-running").stdout.strip() == "running", seconds=BOOT_SECONDS)
        self._beside(CUT)
        self.do("echo nameserver 192.0.2.53 >/etc/resolv.conf")

    def run(self, script: str, *, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """Run a shell script on it as root."""
        argv = ["docker", "exec", "--interactive", self.name, "bash", "-c", script]
        return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=timeout)

    def do(self, script: str, *, timeout: float = 300) -> str:
        """The same; it must succeed."""
        done = self.run(script, timeout=timeout)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def attempts(self) -> int:
        """Packets that the host, or a container on it, tried to send to the world."""
        return int(self._beside(COUNT))

    def forget_attempts(self) -> None:
        """Begin to count anew."""
        self._beside("nft reset counter inet cut attempts")

    def files_newer_than(self, marker: str) -> list[str]:
        """Files of its own disk that were written after `marker` was."""
        return self.do(f"find / -xdev -newer {marker} ! -path /tmp ! -path '/var/log/*'").split()

    def remove(self) -> None:
        """Take it away with all that is its own."""
        docker("rm", "--force", "--volumes", self.name)

    def _beside(self, script: str) -> str:
        """Run a script in its network, with instruments that it does not have."""
        argv = ["docker", "run", "--rm", f"--network=container:{self.name}", "--cap-add=NET_ADMIN", self._instruments]
        done = subprocess.run([*argv, "bash", "-c", script], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout


def instruments() -> str:
    """The name of an image with what hosts are looked at with, from their own network."""
    return _image("instruments", INSTRUMENTS)


def _image(name: str, packages: tuple[str, ...]) -> str:
    """The engine's image of a minimal Debian with some packages; made once, which takes half a minute."""
    identity = json_digest([SUITE, packages]).removeprefix("sha256:")[:12]
    image = f"trivet-test-{name}:{identity}"
    root = CACHE / f"{name}-{identity}.tar"
    if not root.exists():
        _make_root(packages, root)
    if not docker("images", "--quiet", image).strip():
        docker("import", str(root), image)
    return image


def _make_root(packages: tuple[str, ...], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    sources = DebianBase(suite=SUITE, packages=packages, programs=()).sources(Mirrors.of(), tools.keyring())
    mode = "root" if os.geteuid() == 0 else "unshare"
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        partial = target.with_suffix(".partial")
        tools.run(
            [
                "mmdebstrap",
                f"--mode={mode}",
                "--variant=minbase",
                f"--include={','.join(packages)}",
                "--format=tar",
                "",
                "-",
                "-",
            ],
            log=target.with_suffix(".log"),
            output=partial,
            input_text=sources,
            environ={"TMPDIR": scratch} if mode == "root" else {},
        )
        partial.rename(target)


def wait_for_the_next_second() -> None:
    """So that what is written from now on is newer than what was written before, on any file system."""
    time.sleep(1.1)
