"""A session with a host: its connection, made anew when it is lost; its privileges; whatever runs there for us."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeVar

from paramiko import SSHException

from trivet.drivers.host import Completed, Report
from trivet.drivers.process import Processes, overdue_error, shown
from trivet.drivers.ssh.channel import OverdueError, run_on_channel
from trivet.drivers.ssh.dial import Line, UnreachableError, dial
from trivet.drivers.ssh.openssh import ssh_argv
from trivet.drivers.ssh.privilege import Privilege, find_privilege
from trivet.drivers.ssh.remote import Remote
from trivet.errors import EndedError, HostError
from trivet.spec.ssh import SshTarget

ATTEMPTS: Final = 5
PATIENCE: Final = 60.0  # seconds that a lost host has to come back
PAUSE: Final = 1.0
SETTLE: Final = 0.5
ENDING_SECONDS: Final = 10.0
KILL: Final = 'kill -s "$1" -- "-$2"'

T = TypeVar("T")


class ConnectionLostError(HostError):
    """The connection went away; how the command ended is not known."""


class Session:
    """Runs commands on a host, from any number of threads."""

    def __init__(self, target: SshTarget, sudo_password: str | None) -> None:
        self.target = target
        self.lock_file = ""
        self.on_reconnect: Callable[[], None] = lambda: None
        self._password = sudo_password
        self._line: Line | None = None
        self._privilege = Privilege()
        self._guard = threading.RLock()
        self._running: set[Remote] = set()
        self._processes = Processes()
        self._has_openssh = shutil.which("ssh") is not None

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: Iterable[bytes] = (),
        timeout: float = 60,
        on_line: Report | None = None,
        bulk: bool = False,
        name: str = "",
    ) -> Completed:
        """Run a command to its end.

        Args:
            argv: the command.
            stdin: streamed to its standard input.
            timeout: seconds until it is ended.
            on_line: hears each line of its standard error.
            name: what errors call it; by default, its first words.
            bulk: its input is large: OpenSSH carries it, where it is installed, at several times paramiko's speed.

        Raises:
            ConnectionLostError: nobody knows how it ended.
            HostError: it did not end in time, is not there, or could not be started.
        """
        name = name or shown(argv)
        self.refuse_cancelled(name)
        line = self.connect()
        with self.running(argv, on_line, name=name) as remote:
            given = itertools.chain(self._privilege.stdin, stdin)
            carry = self._by_openssh if bulk and self._has_openssh else self._by_channel
            stdout = carry(line, remote, given, timeout)
        self.refuse_cancelled(name)
        if remote.is_missing:
            raise HostError(
                where=self.target.known_as,
                value=f"{argv[0]}: not found",
                rule=f"the host can run {argv[0]}",
                remedy=f"install it there ({self.target.user} looks for it on PATH)",
            )
        if remote.code is None:
            raise self._unended(remote, line, bulk=bulk)
        return Completed(argv=tuple(argv), code=remote.code, stdout=stdout, stderr=remote.stderr)

    def again(self, act: Callable[[], T]) -> T:
        """Do what may be done twice: after a lost connection once more, on a new one."""
        for _ in range(ATTEMPTS - 1):
            with contextlib.suppress(ConnectionLostError):
                return act()
        return act()

    def connect(self) -> Line:
        """The connection; a new one, with the same privileges and locks, if it was lost.

        Raises:
            HostError: there is no way to the host.
        """
        with self._guard:
            if self._line is None:
                self._line = dial(self.target)
                self._privilege = find_privilege(self.target, self._line.end, self._password)
            elif not self._line.is_up:
                self._line.close()
                self._line = self._dial_patiently()
                self.on_reconnect()
            return self._line

    def close(self) -> None:
        """Hang up."""
        with self._guard:
            if self._line:
                self._line.close()
                self._line = None

    def cancel(self) -> None:
        """End what is running and refuse to run more."""
        self._processes.cancel()
        for remote in tuple(self._running):
            self.end(remote, "TERM")

    def refuse_cancelled(self, what: str) -> None:
        """Raise a HostError if the operator has interrupted."""
        self._processes.refuse_cancelled(what)

    @contextlib.contextmanager
    def running(
        self, argv: Sequence[str], on_line: Report | None, *, name: str, locked: bool = True
    ) -> Iterator[Remote]:
        """A command that an interrupt ends."""
        remote = Remote(
            argv,
            name=name,
            sudo=self._privilege.prefix,
            lock=self.lock_file if locked else "",
            on_line=on_line,
            on_begin=self._end_if_cancelled,
        )
        self._running.add(remote)
        try:
            yield remote
        finally:
            self._running.discard(remote)

    @property
    def password_line(self) -> bytes:
        """What a command's sudo reads before the command does; mostly nothing."""
        return b"".join(self._privilege.stdin)

    def end(self, remote: Remote, signal: str) -> None:
        """Signal a command with all that it has started. Where there is no connection, it ends with that."""
        line = self._line
        if not remote.group or line is None:
            return
        kill = Remote(["sh", "-c", KILL, "sh", signal, str(remote.group)], sudo=self._privilege.prefix)
        with contextlib.suppress(SSHException, EOFError, OSError, OverdueError):
            run_on_channel(
                line.end,
                kill.line,
                stdin=self._privilege.stdin,
                timeout=ENDING_SECONDS,
                on_line=kill.hear,
                end=lambda: None,
            )

    def _end_if_cancelled(self, remote: Remote) -> None:
        try:
            self.refuse_cancelled("")
        except HostError:
            self.end(remote, "TERM")

    def _by_channel(self, line: Line, remote: Remote, stdin: Iterable[bytes], timeout: float) -> bytes:
        try:
            return run_on_channel(
                line.end,
                remote.line,
                stdin=stdin,
                timeout=timeout,
                on_line=remote.hear,
                end=lambda: self.end(remote, "KILL"),
            )
        except OverdueError as exc:
            raise overdue_error(remote.name, timeout) from exc
        except (SSHException, EOFError) as exc:
            raise self._unended(remote, line, bulk=False) from exc

    def _by_openssh(self, line: Line, remote: Remote, stdin: Iterable[bytes], timeout: float) -> bytes:
        argv = ssh_argv(self.target, remote.line)
        try:
            done = self._processes.run(argv, stdin=stdin, timeout=timeout, on_line=remote.hear, name=remote.name)
        except BaseException:
            self.end(remote, "KILL")
            raise
        # Should it not even get there, as paramiko did: from now on, without it.
        self._has_openssh = bool(remote.group) or not line.is_up
        return done.stdout

    def _unended(self, remote: Remote, line: Line, *, bulk: bool) -> HostError:
        """The error for a command that has not said how it ended."""
        name, said = remote.name, remote.stderr.strip() or "nobody said why"
        self.refuse_cancelled(name)
        line.end.join(SETTLE)  # a lost connection takes a moment to know that it is
        if remote.group and line.is_up and not bulk:
            return EndedError(
                where=self.target.known_as,
                value=f"{name} was ended from outside: {said}",
                rule="a command on the host ends by itself",
                remedy="see `journalctl` there; a machine that is short of memory ends processes",
            )
        return ConnectionLostError(
            where=self.target.known_as,
            value=f"the connection was lost during {name}: {said}",
            rule="the connection lasts",
            remedy="see that host and network are up, then run the same command again: it takes up what is there",
        )

    def _dial_patiently(self) -> Line:
        deadline = time.monotonic() + PATIENCE
        while True:
            self.refuse_cancelled("connecting anew")
            try:
                return dial(self.target)
            except UnreachableError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(PAUSE)
