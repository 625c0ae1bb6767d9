"""A lock on the host: held by a shell there for as long as we live, and shared with every command that we start.

Two files, for an flock belongs to whoever opened the file: `path`, which the shell holds alone; `path.commands`, of
which every command started under the lock holds a share. Whoever comes next takes the first, then waits until nobody
shares the second. So after a crash of the operator's machine it waits for what was started from there, and no longer.
"""

from __future__ import annotations

import contextlib
from typing import Final

from paramiko import Channel, SSHException

from trivet.drivers.host import Report
from trivet.drivers.refusals import UNIT_HOLDS
from trivet.drivers.ssh.dial import CONNECT_SECONDS
from trivet.drivers.ssh.remote import Remote
from trivet.drivers.ssh.session import Session
from trivet.errors import HostError

RELEASE_SECONDS: Final = 10.0
RETAKE_SECONDS: Final = 60.0
COMMANDS: Final = ".commands"
HOLD: Final = """
lock=$1 commands=$1.commands seconds=$2
case $lock in */*) dir=${lock%/*} ;; *) dir=. ;; esac
(umask 022; mkdir -p -- "${dir:-/}") || exit
umask 077
take() {
  flock --exclusive --nonblock "$1" && return
  [ -n "$waited" ] || echo waiting
  waited=1
  flock --exclusive --timeout "$seconds" "$1" || { echo taken; exit; }
}
while :; do
  exec 9>>"$lock"
  take 9
  # Its file may have been removed, with its directory, while we waited.
  [ "$(stat -Lc %d:%i /proc/self/fd/9)" = "$(stat -c %d:%i -- "$lock" 2>/dev/null)" ] && break
done
exec 7>>"$commands"
take 7
exec 7>&-
echo held
read -r word && [ "$word" = done ] && rm -f -- "$commands"
"""


class RemoteLock:
    """One lock, held from `take` to `release`."""

    def __init__(self, session: Session, path: str) -> None:
        self._session = session
        self._path = path
        self._channel: Channel | None = None

    def take(self, timeout: float, report: Report) -> None:
        """Wait for the lock and hold it.

        Raises:
            HostError: somebody else holds it for too long, or the operator has interrupted.
        """
        self._session.refuse_cancelled("waiting for the lock")
        self._hold(timeout, report)
        self._session.lock_file = self._path + COMMANDS
        self._session.on_reconnect = lambda: self._hold(RETAKE_SECONDS, report)

    def release(self) -> None:
        """Let go of it, and return when that is so."""
        self._session.lock_file = ""
        self._session.on_reconnect = lambda: None
        channel, self._channel = self._channel, None
        if channel is None:
            return
        with contextlib.suppress(OSError, SSHException, EOFError), channel:
            channel.sendall(b"done\n")
            channel.settimeout(RELEASE_SECONDS)
            while channel.recv(1 << 10):
                pass

    def _hold(self, timeout: float, report: Report) -> None:
        transport = self._session.connect().end
        argv = ["sh", "-c", HOLD, "sh", self._path, f"{timeout:g}"]
        with self._session.running(argv, None, name="waiting for the lock", locked=False) as remote:
            channel = transport.open_session(timeout=CONNECT_SECONDS)
            channel.set_combine_stderr(True)
            channel.exec_command(remote.line)
            channel.sendall(self._session.password_line)
            answer = _answer(channel, remote, report)
        if answer == "held":
            self._channel = channel
            return
        channel.close()
        self._session.refuse_cancelled("waiting for the lock")
        if answer == "taken":
            files = f"{self._path} {self._path}{COMMANDS}"
            raise HostError(
                where=self._path,
                value="another run holds the lock",
                rule="one run at a time works on an installation",
                remedy=f"wait for it; `fuser {files}` names its processes on the host, {UNIT_HOLDS}",
            )
        raise HostError(
            where=self._path,
            value=remote.stderr.strip() or "the connection was lost",
            rule="the lock's file can be made on the host",
            remedy="mend the cause, then run the command again",
        )


def _answer(channel: Channel, remote: Remote, report: Report) -> str:
    for raw in channel.makefile("rb"):
        line = str(raw, errors="replace").rstrip("\n")
        if line in {"held", "taken"}:
            return line
        if line == "waiting":
            report("waiting for an earlier run on this host to end")
        else:
            remote.hear(line)
    return ""
