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


def ssh_options(target: SshTarget) -> list[str]:
    """`-F none -o …`: all but the command's name and where it goes."""
    return _options(target, target.jump, target)


def _argv(target: SshTarget, hop: SshHop, before: tuple[SshHop, ...]) -> list[str]:
    return ["ssh", *_options(target, before, hop), "-p", str(hop.port), "-l", hop.user]


def _options(target: SshTarget, before: tuple[SshHop, ...], hop: SshHop) -> list[str]:
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
    return ["-F", "none", *(word for key, value in options.items() for word in ("-o", f"{key}={value}"))]


def _quoted(path: str) -> str:
    return f'"{str(Path(path).expanduser()).replace("%", "%%")}"'
