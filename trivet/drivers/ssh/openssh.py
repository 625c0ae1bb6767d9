"""The command line of OpenSSH's client: our pins, keys and hosts on the way, and none of the user's own settings."""

from __future__ import annotations

import shlex
from pathlib import Path

from trivet.drivers.ssh.dial import CIPHERS, CONNECT_SECONDS, KEEP_ALIVE, SILENCE
from trivet.spec.ssh import SshHop, SshTarget

STRICT = {
    "BatchMode": "yes",
    "StrictHostKeyChecking": "yes",
    "GlobalKnownHostsFile": "none",
    "UpdateHostKeys": "no",
    "CheckHostIP": "no",
    "PreferredAuthentications": "publickey",
    "ClearAllForwardings": "yes",
    "ForwardAgent": "no",
    "ControlPath": "none",
    "Compression": "no",
    "RequestTTY": "no",
    "LogLevel": "ERROR",
    "Ciphers": ",".join((*CIPHERS, "chacha20-poly1305@openssh.com")),
    "ConnectTimeout": f"{CONNECT_SECONDS:.0f}",
    "ServerAliveInterval": str(KEEP_ALIVE),
    "ServerAliveCountMax": str(SILENCE // KEEP_ALIVE),
}


def ssh_argv(target: SshTarget, command: str) -> list[str]:
    """`ssh … HOST COMMAND`. Nothing in it is secret."""
    return [*_argv(target, target, target.jump), "--", target.address, command]


def _argv(target: SshTarget, hop: SshHop, before: tuple[SshHop, ...]) -> list[str]:
    options = {
        **STRICT,
        "UserKnownHostsFile": _quoted(target.known_hosts),
        "IdentityFile": _quoted(target.key_file) if target.key_file else "none",
        "IdentitiesOnly": "yes" if target.key_file else "no",
    }
    if before:
        *earlier, last = before
        through = [*_argv(target, last, tuple(earlier)), "-W", f"[{hop.address}]:{hop.port}", "--", last.address]
        options["ProxyCommand"] = shlex.join(through).replace("%", "%%")
    pairs = (f"{key}={value}" for key, value in options.items())
    return [
        "ssh",
        "-F",
        "none",
        "-p",
        str(hop.port),
        "-l",
        hop.user,
        *(word for pair in pairs for word in ("-o", pair)),
    ]


def _quoted(path: str) -> str:
    return f'"{str(Path(path).expanduser()).replace("%", "%%")}"'
