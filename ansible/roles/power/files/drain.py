#!/usr/bin/python3
"""Before the machine stops, requests in flight end; after its start, everything is as it was.

drain stop ROOT SECONDS   admit nothing new to the stacks below ROOT, wait so long at most, stop them
drain start ROOT          start what `stop` has stopped, and admit again
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

MARK = "the machine stops\n"
SEEN_SECONDS = 0.5  # until every gateway has seen the file, and nothing that came in before is uncounted
POLL_SECONDS = 0.2
IN_FLIGHT = re.compile(r"^trivet_gateway_in_flight(?:\{[^}]*\})? (\d+)", re.MULTILINE)


class Stack:
    """A stack, by its directory on this host. While `etc/draining` is there, its gateway answers 503."""

    def __init__(self, directory: Path) -> None:
        self.name = directory.name
        self.file = directory / "etc" / "draining"
        self._compose = directory / "compose.yaml"
        self._filter = ("--filter", f"label=com.docker.compose.project=trivet-{self.name}")

    @property
    def in_flight(self) -> int:
        """Requests in flight; 0 where no gateway answers."""
        ids = docker("ps", "--quiet", *self._filter, "--filter", "label=com.docker.compose.service=gateway").split()
        addresses = [line.rpartition(" -> ")[2] for each in ids for line in docker("port", each).splitlines()]
        # A port on every address is said twice.
        return sum(count(f"http://{address}/metrics") for address in addresses if not address.startswith("[::]:"))

    def stop(self) -> None:
        """Stop its containers, the gateway first."""
        docker("compose", "--file", str(self._compose), "stop")

    def start(self) -> None:
        """Start its containers all at once: the gateway waits for the models by itself."""
        ids = docker("ps", "--all", "--quiet", *self._filter).split()
        if ids:
            docker("start", *ids)


def count(url: str) -> int:
    """Requests in flight, as a gateway counts them."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310  # on this host
            return in_flight(answer.read().decode())
    except (urllib.error.URLError, OSError):
        return 0


def in_flight(metrics: str) -> int:
    """Requests in flight, of all teams together."""
    return sum(int(number) for number in IN_FLIGHT.findall(metrics))


def docker(*args: str) -> str:
    """What the engine says; nothing where it says no: a stop goes on."""
    done = subprocess.run(["docker", *args], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(f"docker {args[0]}: {done.stderr.strip()}", file=sys.stderr)
        return ""
    return done.stdout


def stop(root: Path, stopped: Path, seconds: float) -> None:
    """Admit nothing new, wait, stop."""
    stacks = [Stack(file.parent) for file in sorted(root.glob("*/compose.yaml"))]
    for stack in stacks:
        (stopped / stack.name).touch()
        if not stack.file.exists():  # somebody else's stays theirs, after the start too
            stack.file.write_text(MARK)
    deadline = time.monotonic() + seconds
    time.sleep(min(SEEN_SECONDS, seconds) if stacks else 0)
    while (left := sum(stack.in_flight for stack in stacks)) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    for stack in stacks:
        print(f"{stack.name} stops; {left} requests in flight were not waited for")
        stack.stop()


def start(root: Path, stopped: Path) -> None:
    """Start what was stopped, and admit again."""
    for record in sorted(stopped.iterdir()):
        Stack(root / record.name).start()
        record.unlink()
    for file in root.glob("*/etc/draining"):
        if file.read_text() == MARK:
            file.unlink()


def main(argv: list[str]) -> int:
    """The command line; the exit code."""
    stopped = Path(os.environ["STATE_DIRECTORY"])
    match argv:
        case ["stop", root, seconds] if seconds.isdigit():
            stop(Path(root), stopped, int(seconds))
        case ["start", root]:
            start(Path(root), stopped)
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
