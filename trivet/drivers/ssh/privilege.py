"""How a command becomes root's on the host: not at all, by sudo, or by sudo with a password on standard input."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from paramiko import SSHException, Transport

from trivet.drivers.ssh.channel import OverdueError, run_on_channel
from trivet.drivers.ssh.remote import Remote
from trivet.errors import HostError
from trivet.spec.ssh import SshTarget

FREE: Final = ("sudo", "-k", "-n", "--")
# -k: whatever it remembers, it asks; so the password's line is always read by sudo and never by the command.
ASKED: Final = ("sudo", "-k", "-S", "-p", "", "--")
SECONDS: Final = 30.0


@dataclass(frozen=True)
class Privilege:
    """What goes before each command, and into it."""

    prefix: tuple[str, ...] = ()
    stdin: tuple[bytes, ...] = field(default=(), repr=False)


def find_privilege(target: SshTarget, transport: Transport, password: str | None) -> Privilege:
    """Try what is needed, once a connection.

    Raises:
        HostError: sudo lets the user do nothing, or not with this password.
    """
    if not target.sudo:
        return Privilege()
    free = Privilege(FREE)
    refusal = _try(transport, free)
    if refusal is None:
        return free
    where = f"{target.user}@{target.known_as}"
    if password is None:
        raise HostError(
            where=where,
            value=refusal,
            rule="host.sudo is set, and sudo there lets the user in, with or without a password",
            remedy="run `pulumi config set --secret sudoPassword` and type it, or see what `sudo -l` says there",
        )
    asked = Privilege(ASKED, (password.encode() + b"\n",))
    refusal = _try(transport, asked)
    if refusal is not None:
        raise HostError(
            where=where,
            value=refusal,
            rule="sudo takes the password of the config secret sudoPassword",
            remedy="run `pulumi config set --secret sudoPassword` and type the user's password on that host",
        )
    return asked


def _try(transport: Transport, privilege: Privilege) -> str | None:
    """None if it works; else what sudo said."""
    remote = Remote(["true"], sudo=privilege.prefix)
    try:
        run_on_channel(
            transport, remote.line, stdin=privilege.stdin, timeout=SECONDS, on_line=remote.hear, end=lambda: None
        )
    except (OverdueError, SSHException, EOFError) as exc:
        return f"sudo did not answer ({type(exc).__name__})"
    return None if remote.code == 0 else remote.stderr.strip() or "sudo refuses, and does not say why"
