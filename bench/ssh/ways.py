"""The ways that a file can go to a host: ours, and those of peers. Each takes what a user would type."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from paramiko import SFTPClient

from tools.lab.workstation import Workstation
from trivet.drivers.ssh import SshHost
from trivet.drivers.ssh.dial import dial
from trivet.spec.ssh import SshTarget

GCM = ("-o", "Ciphers=aes128-gcm@openssh.com")
OURS, SCP, RSYNC = "trivet", "scp", "rsync"


@dataclass(frozen=True)
class File:
    """What is sent."""

    path: Path
    digest: str
    size: int


Way = Callable[[str], None]
"""Sends the file to a path on the host; returns when it is on disk there."""


def ways(file: File, target: SshTarget, workstation: Workstation) -> dict[str, Way]:
    """Every way that this machine has. Ours verifies the digest on the host, too; the others do not."""

    def settle(path: str) -> None:
        workstation.sh(f"sync {shlex.quote(path)}")

    def ours(path: str) -> None:
        host = SshHost(target)
        if not host.put(file.path, path, digest=file.digest, size=file.size):
            raise RuntimeError("nothing was sent")
        host.close()

    def by_paramiko(path: str) -> None:
        host = SshHost(target)
        host._session._has_openssh = False  # noqa: SLF001  # as on a machine that has none
        host.put(file.path, path, digest=file.digest, size=file.size)
        host.close()

    def sftp_put(path: str) -> None:
        line = dial(target)
        client = SFTPClient.from_transport(line.end)
        if client is None:
            raise RuntimeError("no SFTP there")
        client.put(str(file.path), path)
        line.close()
        settle(path)

    def command(*argv: str) -> Way:
        def send(path: str) -> None:
            subprocess.run([*argv, str(file.path), f"{target.user}@{target.address}:{path}"], check=True)
            settle(path)

        return send

    options = ("-F", "none", "-i", str(target.key_file), "-o", f"UserKnownHostsFile={target.known_hosts}")
    found: dict[str, Way] = {
        OURS: ours,
        SCP: command("scp", "-q", *options),
        "scp, AES-GCM": command("scp", "-q", *options, *GCM),
        "trivet without OpenSSH": by_paramiko,
        "paramiko's sftp.put": sftp_put,
    }
    if shutil.which("rsync"):
        found[RSYNC] = command("rsync", "--whole-file", "-e", shlex.join(["ssh", *options]))
    return found
