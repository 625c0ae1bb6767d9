"""The lab's images: a Debian root made by mmdebstrap, kept in `.trivet/cache/lab`, imported into the local engine."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

from tools.lab.engine import docker
from trivet.bundle import tools
from trivet.bundle.base import DebianBase, Mirrors
from trivet.spec.digest import json_digest

Variant = Literal["workstation", "bare"]
USER: Final = "admin"
PASSWORD: Final = "lab-sesame"  # noqa: S105  # of a container that only this machine reaches
SUITE: Final = "trixie"
BARE: Final = ("systemd-sysv", "openssh-server", "python3-minimal", "python3")
PACKAGES: Final[dict[Variant, tuple[str, ...]]] = {
    "bare": BARE,
    "workstation": (
        *BARE,
        "dbus",
        "libpam-systemd",
        "sudo",
        "docker.io",
        "docker-cli",
        "docker-compose",
        "iptables",
        "nftables",
        "iproute2",
        "pciutils",
        "rsync",
        "ca-certificates",
    ),
}
# As an installer leaves a machine: an administrator with a password, no host keys of the image's own, no machine id.
# Only, sshd forgives whoever fails to log in again and again, as tests do.
SET_UP: Final = f"""
set -eu
getent group sudo >/dev/null || groupadd --system sudo
useradd --create-home --shell /bin/bash --groups sudo {USER}
! getent group docker >/dev/null || usermod --append --groups docker {USER}
echo '{USER}:{PASSWORD}' | chpasswd
rm -f /etc/ssh/ssh_host_*
echo PerSourcePenalties no >/etc/ssh/sshd_config.d/lab.conf
mkdir -p /etc/systemd/system/ssh.service.d
printf '[Service]\\nExecStartPre=\\nExecStartPre=/usr/bin/ssh-keygen -A\\nExecStartPre=/usr/sbin/sshd -t\\n' \
    >/etc/systemd/system/ssh.service.d/host-keys.conf
systemctl mask ssh.socket console-getty.service getty.target systemd-logind.service >/dev/null 2>&1
systemctl enable ssh.service >/dev/null 2>&1
: >/etc/machine-id
"""


def make_image(variant: Variant, cache: Path, say: Callable[[str], None]) -> str:
    """The name of the engine's image, which is made (a minute or two) or imported (seconds) if it is not there.

    Raises:
        BuildError: packages cannot be fetched, are not signed, or do not fit together.
    """
    identity = json_digest([SUITE, PACKAGES[variant], SET_UP]).removeprefix("sha256:")[:12]
    name = f"trivet-lab:{variant}-{identity}"
    if docker("images", "--quiet", name):
        return name
    root = cache / f"{variant}-{identity}.tar"
    if not root.exists():
        say(f"lab: making the image {name} from Debian {SUITE} (a minute or two)")
        _make_root(variant, root)
        for other in cache.glob(f"{variant}-*"):
            if other.stem != root.stem:
                other.unlink()
    docker("import", str(root), name)
    return name


def _make_root(variant: Variant, target: Path) -> None:
    tools.require_tools("mmdebstrap")
    target.parent.mkdir(parents=True, exist_ok=True)
    base = DebianBase(suite=SUITE, packages=PACKAGES[variant], programs=())
    partial = target.with_suffix(".partial")
    mode = "root" if os.geteuid() == 0 else "unshare"
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        hook = Path(scratch) / "set-up"
        hook.write_text(SET_UP, encoding="utf-8")
        tools.run(
            [
                "mmdebstrap",
                f"--mode={mode}",
                "--variant=minbase",
                f"--include={','.join(base.packages)}",
                f"--customize-hook=upload {hook} /set-up",
                '--customize-hook=chroot "$1" sh /set-up',
                '--customize-hook=rm "$1/set-up"',
                "--format=tar",
                "",
                "-",
                "-",
            ],
            log=target.with_suffix(".log"),
            output=partial,
            input_text=base.sources(Mirrors.of(), tools.keyring()),
            environ={"TMPDIR": scratch} if mode == "root" else {},
        )
    partial.rename(target)
