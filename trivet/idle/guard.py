"""The watchdog on the node: `python3 -m trivet.idle.guard CONFIG`, armed by cloud-init before anything else.

It polls, lets the rules decide (`watchdog`), and does what they say until it is done: it never gives up.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trivet.idle.account import Account, LambdaAccount, fetch
from trivet.idle.broker_account import BrokerAccount
from trivet.idle.charter import Charter
from trivet.idle.machine_account import MachineAccount
from trivet.idle.metrics import Reading, read_metrics, together
from trivet.idle.node import Standing
from trivet.idle.watchdog import Terms, Tick, Watchdog

SCRAPE_SECONDS = 5
SETTLE_SECONDS = 5.0  # from the beginning of a drain to the reading that decides
AGAIN_SECONDS = 15.0  # between two attempts to end
MARK = "trivet-guard\n"  # in a drain file that the guard made


@dataclass(frozen=True)
class Surroundings:
    """Everything of the node that the guard touches.

    Attributes:
        scrape: a reading of all servers; None where one cannot be read.
        account: the provider; None on a node that may not end itself: idle, it serves on; its time over, it refuses
            what is new, and is reaped.
        drain_file: while it is there, the gateway admits nothing.
        uptime: seconds since the guard was armed, on a clock that nobody sets.
        alive: tells who supervises the guard that it does not hang.
    """

    scrape: Callable[[], Reading | None]
    account: Account | None
    drain_file: Path
    uptime: Callable[[], float]
    now: Callable[[], float]
    sleep: Callable[[float], None]
    say: Callable[[str], None]
    alive: Callable[[], None]


def guard(dog: Watchdog, node: Surroundings) -> None:
    """Watch until the node is asked to end; then ask again and again, for a node that still runs has not ended."""
    while True:
        node.alive()
        before, dog = dog, dog.step(_look(node))
        if (dog.command, dog.why) != (before.command, before.why):
            node.say(f"{dog.command}: {dog.why}" if dog.why else dog.command)
        try:
            _set(node.drain_file, present=dog.command != "serve")
        except OSError as exc:  # a disk that is full or broken must not keep the node alive
            node.say(f"cannot drain: {exc}")
        if dog.command == "end":
            _end(node)
            node.sleep(AGAIN_SECONDS)
        else:
            node.sleep(SETTLE_SECONDS if dog.command == "drain" else dog.terms.poll)


def _look(node: Surroundings) -> Tick:
    standing: Standing | None = None
    if node.account:
        try:
            standing = node.account.look()
        except (OSError, ValueError) as exc:
            node.say(f"the provider is not heard of: {exc}")
    return Tick(uptime=node.uptime(), now=node.now(), reading=node.scrape(), standing=standing)


def _end(node: Surroundings) -> None:
    if node.account is None:
        return
    try:
        node.account.end()
    except (OSError, ValueError) as exc:
        node.say(f"cannot end yet: {exc}")


def _set(path: Path, *, present: bool) -> None:
    """The drain file; its directory belongs to the installation, without which there is nothing to drain.

    Somebody else's is left alone: an operator's drain is not for the guard to take back.
    """
    if path.exists():
        if not present and path.read_text(encoding="utf-8", errors="replace") == MARK:
            path.unlink()
    elif present and path.parent.is_dir():
        path.write_text(MARK, encoding="utf-8")


def scraper(sources: Sequence[str]) -> Callable[[], Reading | None]:
    """Reads the metrics of all servers at these addresses."""

    def scrape() -> Reading | None:
        try:
            return together([read_metrics(fetch(url, SCRAPE_SECONDS).decode()) for url in sources])
        except (OSError, ValueError):  # UnreadableError is one, and so is text that is no UTF-8
            return None

    return scrape


def surroundings(config: Mapping[str, Any], charter: Charter) -> Surroundings:
    """The node itself, as its configuration says."""
    return Surroundings(
        scrape=scraper(config["sources"]),
        account=_account(config, charter.launch_id),
        drain_file=Path(config["drainFile"]),
        uptime=since_armed(Path(config["armedFile"])),
        now=time.time,
        sleep=time.sleep,
        say=lambda line: print(line, flush=True),
        alive=tell_systemd,
    )


def _account(config: Mapping[str, Any], launch_id: str) -> Account | None:
    if way := config.get("lambda"):
        return LambdaAccount(way["url"], Path(way["keyFile"]), launch_id)
    if way := config.get("broker"):
        return BrokerAccount(way["url"], Path(way["keyFile"]), launch_id)
    if way := config.get("machine"):
        return MachineAccount(Path(way["leaseFile"]), Path(way["endProgram"]))
    return None


def since_armed(path: Path) -> Callable[[], float]:
    """Seconds since the first start in this boot: a guard that was restarted does not begin anew."""
    try:
        armed = float(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        armed = time.clock_gettime(time.CLOCK_BOOTTIME)
        with suppress(OSError):  # then a restart begins anew, and the wall clock alone tells the node's age
            path.write_text(str(armed), encoding="ascii")
    return lambda: time.clock_gettime(time.CLOCK_BOOTTIME) - armed


def tell_systemd() -> None:
    """Say that we do not hang: https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address:
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
            to.settimeout(1)
            to.sendto(b"WATCHDOG=1", address.replace("@", "\0", 1))


def main() -> None:
    """Guard the node that this runs on."""
    config = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    charter = Charter(**config["charter"])
    guard(Watchdog(charter, Terms(**config["terms"])), surroundings(config, charter))


if __name__ == "__main__":
    main()
