"""Waits until a node's SSH answers: a node is called active a little before that."""

from __future__ import annotations

import socket

from trivet.drivers.clock import Clock
from trivet.errors import HostError

POLL_SECONDS = 3.0


def await_ssh(address: str, port: int, *, seconds: float, clock: Clock) -> None:
    """Wait until something answers there; nothing is sent.

    Raises:
        HostError: nobody does in time.
    """
    patience = clock.monotonic() + seconds
    while not _answers(address, port):
        if clock.monotonic() > patience:
            raise HostError(
                where=f"{address}:{port}",
                value=f"nobody answers, {seconds:.0f} s after the node was active",
                rule="a node that is active answers SSH soon",
                remedy="see that lambda.allowFrom has the address that you come from, then run the same command again",
            )
        clock.sleep(POLL_SECONDS)


def _answers(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), timeout=POLL_SECONDS):
            return True
    except OSError:
        return False
