"""Commands on this machine: streamed both ways, bounded in time, ended when the operator interrupts."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, cast

from trivet.drivers.host import Completed, Report
from trivet.errors import EndedError, HostError

SHOWN = 4  # words of a command in an error


class Processes:
    """Runs commands, from any number of threads."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._cancelled = threading.Event()
        self._inherited: set[int] = set()

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: Iterable[bytes] = (),
        timeout: float,
        on_line: Report | None = None,
        name: str = "",
    ) -> Completed:
        """See `Host.run`; errors call the command `name`, if it has one."""
        name = name or shown(argv)
        process = self._start(argv, name)
        out: list[bytes] = []
        errors: list[str] = []
        overdue = threading.Event()

        def end() -> None:
            overdue.set()
            _signal(process, signal.SIGKILL)

        deadline = threading.Timer(timeout, end)
        workers = (
            deadline,
            threading.Thread(target=_drain, args=(cast("IO[bytes]", process.stdout), out)),
            threading.Thread(target=_lines, args=(cast("IO[bytes]", process.stderr), errors, on_line)),
        )
        for worker in workers:
            worker.start()
        try:
            _feed(cast("IO[bytes]", process.stdin), stdin)
            process.wait()
        finally:
            deadline.cancel()
            if process.poll() is None:  # its input failed: what it read so far must come to nothing
                _signal(process, signal.SIGKILL)
                process.wait()
            self._running.discard(process)
            for worker in workers:
                worker.join()
        self.refuse_cancelled(name)
        if overdue.is_set():
            raise overdue_error(name, timeout)
        return Completed(argv=tuple(argv), code=process.returncode, stdout=b"".join(out), stderr="".join(errors))

    @contextlib.contextmanager
    def inheriting(self, handle: int) -> Iterator[None]:
        """Let every command that is started meanwhile hold this descriptor too."""
        self._inherited.add(handle)
        try:
            yield
        finally:
            self._inherited.discard(handle)

    def cancel(self) -> None:
        """End what is running and refuse to start more."""
        self._cancelled.set()
        for process in tuple(self._running):
            _signal(process, signal.SIGTERM)

    def refuse_cancelled(self, what: str) -> None:
        """Raise a HostError if the operator has interrupted."""
        if self._cancelled.is_set():
            raise HostError(
                value=f"{what} was interrupted",
                rule="an interrupted run ends",
                remedy="run the same command again: it takes up what is there",
            )

    def _start(self, argv: Sequence[str], name: str) -> subprocess.Popen[bytes]:
        self.refuse_cancelled(name)
        try:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=tuple(self._inherited),
                start_new_session=True,  # a command is ended with the commands it started
            )
        except OSError as exc:
            raise HostError(
                value=f"{argv[0]}: {exc.strerror}",
                rule=f"the host can run {argv[0]}",
                remedy="run `make setup`, then `. .trivet/env`",
            ) from exc
        self._running.add(process)
        if self._cancelled.is_set():  # between the check and the start
            _signal(process, signal.SIGTERM)
        return process


def overdue_error(name: str, timeout: float) -> EndedError:
    """The error for a command that did not end in time."""
    return EndedError(
        value=f"{name} did not end within {timeout:.0f} s",
        rule="a command ends in time",
        remedy="see what keeps the machine busy, then run the same command again",
    )


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _feed(pipe: IO[bytes], chunks: Iterable[bytes]) -> None:
    # A command that refuses its input says why by itself.
    with contextlib.suppress(BrokenPipeError), pipe:
        pipe.writelines(chunks)


def _drain(pipe: IO[bytes], into: list[bytes]) -> None:
    with pipe:
        into.append(pipe.read())


def _lines(pipe: IO[bytes], into: list[str], on_line: Report | None) -> None:
    with pipe:
        for raw in pipe:
            line = raw.decode(errors="replace")
            into.append(line)
            if on_line:
                on_line(line.rstrip("\n"))


def shown(argv: Sequence[str]) -> str:
    """A command in an error."""
    return " ".join(argv[:SHOWN]) + (" …" if len(argv) > SHOWN else "")
