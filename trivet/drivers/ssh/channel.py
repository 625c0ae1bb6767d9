"""Runs a command on a channel of a connection: streamed both ways, bounded in time."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable

from paramiko import Channel, Transport

from trivet.drivers.host import Report
from trivet.drivers.ssh.dial import CONNECT_SECONDS

CHUNK = 1 << 18
ENDING_SECONDS = 5.0


class OverdueError(Exception):
    """A command did not end in time."""


def run_on_channel(
    transport: Transport,
    line: str,
    *,
    stdin: Iterable[bytes],
    timeout: float,
    on_line: Report,
    end: Callable[[], None],
) -> bytes:
    """Run a command line in the host's login shell and return its standard output.

    Args:
        transport: the connection.
        line: for the login shell.
        stdin: streamed to its standard input.
        timeout: seconds until it is ended.
        on_line: hears each line of its standard error.
        end: ends the command on the host; called when it is overdue, or its input fails.

    Raises:
        OverdueError: it did not end in time.
        SSHException, EOFError: the connection is lost.
    """
    channel = transport.open_session(timeout=CONNECT_SECONDS)
    out: list[bytes] = []
    overdue = threading.Event()

    def expire() -> None:
        overdue.set()
        end()
        if not channel.status_event.wait(ENDING_SECONDS):
            channel.close()

    deadline = threading.Timer(timeout, expire)
    workers = (
        threading.Thread(target=_drain, args=(channel, out), daemon=True),
        threading.Thread(target=_lines, args=(channel, on_line), daemon=True),
    )
    try:
        channel.exec_command(line)
        for worker in (deadline, *workers):
            worker.start()
        try:
            _feed(channel, stdin)
        except BaseException:
            end()  # what it read so far must come to nothing
            raise
        for worker in workers:
            worker.join()
    finally:
        deadline.cancel()
        channel.close()
    if overdue.is_set():
        raise OverdueError
    return b"".join(out)


def _feed(channel: Channel, chunks: Iterable[bytes]) -> None:
    pieces = (chunk[at : at + CHUNK] for chunk in chunks for at in range(0, len(chunk), CHUNK))
    for piece in pieces:  # paramiko copies what is left with each packet
        try:
            channel.sendall(piece)
        except OSError:  # a command that refuses its input says why by itself, and a lost connection shows soon
            return
    with contextlib.suppress(OSError):
        channel.shutdown_write()


def _drain(channel: Channel, into: list[bytes]) -> None:
    while data := channel.recv(CHUNK):
        into.append(data)


def _lines(channel: Channel, on_line: Report) -> None:
    rest = b""
    while data := channel.recv_stderr(CHUNK):
        *lines, rest = (rest + data).split(b"\n")
        for each in lines:
            on_line(each.decode(errors="replace"))
    if rest:
        on_line(rest.decode(errors="replace"))
