"""A workstation: a container that boots systemd, has sshd on its own address, and an engine of its own inside."""

from __future__ import annotations

import itertools
import json
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tools.lab.engine import docker
from tools.lab.image import USER, Variant, make_image
from trivet.errors import EngineError

LABEL: Final = "dev.trivet.lab"
BOOT_SECONDS: Final = 90
POLL: Final = 0.2
# What systemd and an engine of its own need. It may not load modules, set the clock or touch the disks of this machine.
RIGHTS: Final = (
    *("--cap-add=SYS_ADMIN", "--cap-add=NET_ADMIN", "--cap-add=SYS_PTRACE", "--cap-add=SYSLOG"),
    *("--security-opt=seccomp=unconfined", "--security-opt=apparmor=unconfined"),
    "--security-opt=systempaths=unconfined",  # or the inner engine cannot configure a container's network
    *("--stop-signal=SIGRTMIN+3", "--tmpfs=/run", "--tmpfs=/tmp:exec", "--volume=/var/lib/docker"),
)
CGROUP_1: Final = ("--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw", "--cgroupns=host")
CGROUP_1_INIT: Final = ("/sbin/init", "SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1", "systemd.unified_cgroup_hierarchy=0")
CGROUP_2: Final = ("--cgroupns=private",)
UP: Final = frozenset({"running", "degraded"})


@dataclass(frozen=True)
class Workstation:
    """A host of the lab. `key` logs in as USER, whose sudo asks for a password, and as root."""

    name: str
    address: str
    key: Path
    user: str = USER

    def sh(self, script: str) -> str:
        """Run a shell script on it as root, past sshd.

        Raises:
            EngineError: it exits with an error.
        """
        return docker("exec", self.name, "sh", "-c", script)

    def kill(self) -> None:
        """Take its power away."""
        docker("kill", self.name)

    def start(self) -> Workstation:
        """Give it power again and wait until it is up. Its address may be another one."""
        docker("start", self.name)
        return self.ready()

    def ready(self) -> Workstation:
        """Wait until it is up."""
        return _ready(self.name, self.key)


def boot(
    count: int, *, variant: Variant, label: str, state: Path, cache: Path, say: Callable[[str], None]
) -> list[Workstation]:
    """Boot so many more workstations, and wait until systemd and sshd are up.

    Args:
        count: how many.
        variant: `bare` has nothing but systemd, sshd and python3.
        label: whose they are: `remove` takes away those of one label.
        state: directory for the key that all of them let in.
        cache: directory for roots of images.
        say: hears of slow steps.

    Raises:
        EngineError: the engine refuses, or one does not come up.
        BuildError: the image cannot be made.
    """
    image = make_image(variant, cache, say)
    key = _key(state)
    legacy = docker("info", "--format", "{{.CgroupVersion}}") == "1"
    taken = docker("ps", "--all", "--format", "{{.Names}}").split()
    free = (name for name in (f"{label}-{variant}-{number}" for number in itertools.count(1)) if name not in taken)
    names = list(itertools.islice(free, count))
    for name in names:
        say(f"lab: booting {name}")
        cgroups, init = (CGROUP_1, CGROUP_1_INIT) if legacy else (CGROUP_2, ("/sbin/init",))
        docker(
            "create", "--name", name, "--hostname", name, f"--label={LABEL}={label}", *RIGHTS, *cgroups, image, *init
        )
        docker("start", name)
        _let_in(name, key)
    return [_ready(name, key) for name in names]


def found(label: str, state: Path) -> list[Workstation]:
    """Those that run."""
    names = docker("ps", "--filter", f"label={LABEL}={label}", "--format", "{{.Names}}").split()
    return [Workstation(name, _address(name), _key(state)) for name in sorted(names)]


def remove(label: str) -> int:
    """Take away all of a label with all that is theirs; how many they were."""
    names = docker("ps", "--all", "--quiet", "--filter", f"label={LABEL}={label}").split()
    if names:
        docker("rm", "--force", "--volumes", *names)
    return len(names)


def _key(state: Path) -> Path:
    key = state / "id_ed25519"
    if not key.exists():
        state.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "trivet-lab", "-f", str(key)],
            check=True,
            stdin=subprocess.DEVNULL,
        )
    return key.resolve()


def _let_in(name: str, key: Path) -> None:
    public = key.with_suffix(".pub").read_text(encoding="utf-8").strip()
    docker(
        *("exec", name, "sh", "-euc"),
        'for home in /root "/home/$1"; do\n'
        '  install -d -m 700 "$home/.ssh"; echo "$2" >"$home/.ssh/authorized_keys"\n'
        'done; chown -R "$1:" "/home/$1/.ssh"',
        *("sh", USER, public),
    )


def _ready(name: str, key: Path) -> Workstation:
    deadline = time.monotonic() + BOOT_SECONDS
    while (state := _state(name)) not in UP or not _answers(_address(name)):
        if time.monotonic() > deadline:
            raise EngineError(
                where=name,
                value=f"systemd says {state or 'nothing'}",
                rule=f"a workstation of the lab is up within {BOOT_SECONDS} s",
                remedy=f"see `docker exec {name} systemctl list-jobs` and `docker logs {name}`",
            )
        time.sleep(POLL)
    return Workstation(name, _address(name), key)


def _state(name: str) -> str:
    done = subprocess.run(
        ["docker", "exec", name, "systemctl", "is-system-running"],
        capture_output=True,
        text=True,
        check=False,
        timeout=BOOT_SECONDS,
    )
    return done.stdout.strip()


def _address(name: str) -> str:
    networks = json.loads(docker("inspect", "--format", "{{json .NetworkSettings.Networks}}", name))
    return next(str(each["IPAddress"]) for each in networks.values())


def _answers(address: str) -> bool:
    try:
        with socket.create_connection((address, 22), timeout=2) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False
