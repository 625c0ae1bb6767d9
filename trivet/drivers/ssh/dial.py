"""Opens SSH connections, through hosts that lie between, each held to its pinned key; keys or agent, no passwords."""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from paramiko import Agent, PKey, SSHException, Transport
from paramiko.ssh_exception import AuthenticationException, IncompatiblePeer, PasswordRequiredException

from trivet.drivers.ssh.pins import Pins, changed
from trivet.errors import HostError
from trivet.spec.ssh import SshHop, SshTarget

CONNECT_SECONDS: Final = 10.0
KEEP_ALIVE: Final = 10  # seconds between two signs of life
SILENCE: Final = 30  # seconds without an answer after which a connection is lost
WINDOW: Final = 4 << 20  # bytes under way on one channel
# AES-GCM first: processors do it, and it needs no second pass for integrity.
CIPHERS: Final = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes256-ctr")
HOST_KEYS: Final = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "rsa-sha2-512", "rsa-sha2-256")

# It logs what is an error of ours anyhow, and on the terminal where nobody has set up logging.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


class UnreachableError(HostError):
    """Nobody answers, or not as SSH does. Later may help."""


@dataclass
class Line:
    """A connection, with those that it goes through."""

    transports: list[Transport] = field(default_factory=list)

    @property
    def end(self) -> Transport:
        """The connection to the host itself."""
        return self.transports[-1]

    @property
    def is_up(self) -> bool:
        """False once it is lost or closed."""
        return all(each.is_active() for each in self.transports)

    def close(self) -> None:
        """Hang up."""
        for transport in reversed(self.transports):
            transport.close()


def dial(target: SshTarget) -> Line:
    """Connect to a host and log in.

    Raises:
        HostError: it cannot be reached, is not the host that was pinned, or does not let us in.
    """
    return _through(target, (*target.jump, target))


def host_key(target: SshTarget) -> PKey:
    """The key that a host proves to have, without logging in there; hosts on the way must be pinned.

    Raises:
        HostError: it cannot be reached.
    """
    line = _through(target, target.jump)
    try:
        line.transports.append(_greet(target, line, HOST_KEYS))
        return line.end.get_remote_server_key()
    except SSHException as exc:
        raise _unreachable(target, exc) from exc
    finally:
        line.close()


def _through(target: SshTarget, hops: Sequence[SshHop]) -> Line:
    pins = Pins(Path(target.known_hosts))
    line = Line()
    if not hops:
        return line
    pins.algorithms(hops[0])  # before a key is asked for
    try:
        with _keys(target) as keys:
            for hop in hops:
                line.transports.append(_pass(hop, line, pins))
                _log_in(hop, line.end, keys)
    except HostError:
        line.close()
        raise
    return line


def _pass(hop: SshHop, line: Line, pins: Pins) -> Transport:
    """A connection to the next host, which has proven to be the one that is pinned."""
    algorithms = pins.algorithms(hop)
    try:
        transport = _greet(hop, line, algorithms)
    except IncompatiblePeer as exc:
        # It may speak none of our ciphers; far likelier, the key that is pinned is of a kind that it has not.
        raise changed(hop, f"of another kind than {', '.join(algorithms)} ({exc})", pins.path) from exc
    except SSHException as exc:
        raise _unreachable(hop, exc) from exc
    try:
        pins.require(hop, transport.get_remote_server_key())
    except HostError:
        transport.close()
        raise
    return transport


def _greet(hop: SshHop, line: Line, algorithms: Sequence[str]) -> Transport:
    """A connection whose encryption stands."""
    transport = Transport(_socket(hop, line), default_window_size=WINDOW)
    options = transport.get_security_options()
    options.ciphers = CIPHERS
    options.key_types = tuple(algorithms)
    transport.banner_timeout = transport.auth_timeout = transport.channel_timeout = CONNECT_SECONDS
    try:
        transport.start_client(timeout=CONNECT_SECONDS)
    except (SSHException, EOFError) as exc:
        transport.close()
        raise exc if isinstance(exc, SSHException) else SSHException("it hung up") from exc
    transport.set_keepalive(KEEP_ALIVE)
    return transport


def _socket(hop: SshHop, line: Line) -> Any:
    """A TCP connection, or a channel through the host before."""
    try:
        if line.transports:
            return line.end.open_channel(
                "direct-tcpip", (hop.address, hop.port), ("127.0.0.1", 0), timeout=CONNECT_SECONDS
            )
        connection = socket.create_connection((hop.address, hop.port), timeout=CONNECT_SECONDS)
    except (OSError, SSHException) as exc:
        raise _unreachable(hop, exc) from exc
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENCE * 1000)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _log_in(hop: SshHop, transport: Transport, keys: Sequence[PKey]) -> None:
    try:
        for key in keys:
            try:
                transport.auth_publickey(hop.user, key)
            except AuthenticationException:
                continue
            if transport.is_authenticated():
                return
    except SSHException as exc:
        raise _unreachable(hop, exc) from exc
    raise HostError(
        where=f"{hop.user}@{hop.known_as}",
        value=f"it takes none of {len(keys)} keys",
        rule="the host lets the user in with a key alone",
        remedy="add the public key to the user's ~/.ssh/authorized_keys there, or name the right one as host.keyFile",
    )


@contextlib.contextmanager
def _keys(target: SshTarget) -> Iterator[list[PKey]]:
    """The keys to log in with, for as long as that takes: the agent's sign through a connection to it."""
    if target.key_file is not None:
        yield [_key(Path(target.key_file).expanduser())]
        return
    agent = Agent()
    try:
        found: list[PKey] = list(agent.get_keys())
        if not found:
            raise HostError(
                value="the SSH agent has no keys, and no host.keyFile is set",
                rule="a host is logged in to with a key",
                remedy="run `ssh-add` (and `ssh-agent` first), or `pulumi config set --path host.keyFile PATH`",
            )
        yield found
    finally:
        agent.close()


def _key(path: Path) -> PKey:
    try:
        return PKey.from_path(path)
    except (PasswordRequiredException, TypeError) as exc:  # the latter comes from the library below paramiko
        raise HostError(
            where=str(path),
            value="the key has a passphrase",
            rule="a key with a passphrase is used through the SSH agent",
            remedy=f"run `ssh-add {path}`, and remove host.keyFile from the settings",
        ) from exc
    except (OSError, SSHException, ValueError) as exc:
        raise HostError(
            where=str(path),
            value=str(exc),
            rule="the key's file holds a private key that can be read",
            remedy="name the right file as host.keyFile; `ssh-keygen -y -f FILE` shows whether it is one",
        ) from exc


def _unreachable(hop: SshHop, exc: Exception) -> UnreachableError:
    return UnreachableError(
        where=hop.known_as,
        value=str(exc) or type(exc).__name__,
        rule=f"the host answers SSH within {CONNECT_SECONDS:.0f} s",
        remedy="see that it is on, that address and port are right, and that nothing blocks the way "
        f"(`ssh -v -p {hop.port} {hop.user}@{hop.address}`)",
    )
