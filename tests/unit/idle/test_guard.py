"""The guard: on random traffic, against a provider that fails, and as the process that runs on a node."""

from __future__ import annotations

import ast
import json
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from tests.fakes.lambda_cloud import KEY, FakeLambda
from tests.fakes.lambda_cloud.app import BASE
from tests.fakes.lambda_cloud.requests import LaunchBody, TagBody
from tests.fakes.serving import serving
from trivet.drivers.clock import SystemClock
from trivet.drivers.rented.guard_files import guard_files
from trivet.idle.charter import Charter, node_name
from trivet.idle.guard import MARK, SETTLE_SECONDS, Surroundings, guard, since_armed, tell_systemd
from trivet.idle.metrics import Reading
from trivet.idle.node import Standing
from trivet.idle.watchdog import Terms, Watchdog

TRACES = int(os.environ.get("TRIVET_TRACES", "300"))
TERMS = Terms(window=600, poll=30)
START = 1_000_000
DAY = 86_400


class Ended(Exception):  # noqa: N818
    """The node is gone, and its guard with it."""


@dataclass
class Server:
    """A model's server with its traffic. A request that comes while it drains is refused, and is none."""

    drain_file: Path
    requests: list[tuple[float, float]]
    restarts: list[float]
    dark: list[tuple[float, float]]
    at: float = 0.0
    name: str = "trivet s"
    fail: int = 0
    admitted: list[tuple[float, float]] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        until = self.at + seconds
        refusing = self.drain_file.exists()
        came = [each for each in self.requests if self.at <= each[0] < until]
        self.admitted += [] if refusing else came
        self.at = until

    def scrape(self) -> Reading | None:
        if any(start <= self.at < end for start, end in self.dark):
            return None
        born = max((at for at in self.restarts if at <= self.at), default=0.0)
        done = sum(1 for _, end in self.admitted if born <= end <= self.at)
        running = sum(1 for start, end in self.admitted if start <= self.at < end)
        return Reading(running, {"requests": done, "process_start_time_seconds": born})

    def look(self) -> Standing:
        return Standing(self.name, "active")

    def end(self) -> None:
        if self.fail > 0:
            self.fail -= 1
            raise OSError("503")
        raise Ended

    def last_activity(self) -> float:
        """When something last went on."""
        return max((min(end, self.at) for _, end in self.admitted), default=0.0)


def run(server: Server, terms: Terms = TERMS, charter: Charter | None = None) -> list[str]:
    """Guard the server until its end; what was said."""
    said: list[str] = []
    node = Surroundings(
        scrape=server.scrape,
        account=server,
        drain_file=server.drain_file,
        uptime=lambda: server.at,
        now=lambda: START + server.at,
        sleep=server.sleep,
        say=said.append,
        alive=lambda: None,
    )
    charter = charter or Charter("s", "l", START, START + DAY, START + DAY)
    with pytest.raises(Ended):
        guard(Watchdog(charter, terms), node)
    return said


def trace(seed: int, drain_file: Path) -> Server:
    """Traffic of all sorts: bursts shorter than the poll, streams longer than the window, pauses around it."""
    chance = random.Random(seed)
    at, requests = chance.uniform(0, 900), []
    for _ in range(chance.randrange(40)):
        length = chance.choice([0.1, 5, 29, 31, 200, 599, 601, 3000])
        requests.append((at, at + length * chance.uniform(0.5, 1.0)))
        at += chance.choice([0.5, 20, 60, 550, 590, 610, 640, 700]) * chance.uniform(0.8, 1.0)
    restarts = [chance.uniform(0, at) for _ in range(chance.randrange(3))]
    dark = [(start, start + chance.uniform(1, 300)) for start in (chance.uniform(0, at),)]
    kept = [(start, end) for start, end in requests if not any(start <= each < end for each in restarts)]
    return Server(drain_file, kept, restarts, dark if chance.random() < 0.3 else [])


def test_no_traffic_is_ended_and_no_idleness_lasts(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    drain_file = tmp_path / "etc" / "draining"
    waits = []
    for seed in range(TRACES):
        drain_file.unlink(missing_ok=True)
        server = trace(seed, drain_file)
        said = run(server)
        assert said[-1].startswith("end: idle"), said
        assert not any(start <= server.at < end for start, end in server.admitted)
        idle = server.at - server.last_activity()
        assert idle >= TERMS.window, f"seed {seed}"
        if not server.dark and not server.restarts:
            waits.append(idle)
    waits.sort()
    assert waits[int(len(waits) * 0.99)] <= TERMS.window + 2 * TERMS.poll
    assert waits[-1] <= TERMS.window + 2 * TERMS.poll + SETTLE_SECONDS


def test_a_provider_that_fails_is_asked_until_it_does(tmp_path: Path) -> None:
    server = Server(tmp_path / "draining", [], [], [], fail=500)
    said = run(server)
    assert (server.fail, sum("cannot end yet" in line for line in said)) == (0, 500)


def test_the_drain_file_comes_and_goes_with_the_drain(tmp_path: Path) -> None:
    # The request comes after the reading at 630 that begins the drain, and before the gateway knows of it.
    server = Server(tmp_path / "draining", [(631, 632)], [], [])
    original = server.sleep

    def sleep(seconds: float) -> None:
        if seconds == SETTLE_SECONDS and server.at < 640:
            server.admitted.append((server.at, server.at + 1))
        original(seconds)

    server.sleep = sleep  # type: ignore[method-assign]
    said = run(server)
    assert said[:3] == ["drain: idle for 600 s", "serve", "drain: idle for 600 s"]


def test_an_end_that_is_refused_for_long_gives_the_gateway_back(tmp_path: Path) -> None:
    class Refused(Exception):  # noqa: N818
        """The test has seen enough."""

    server = Server(tmp_path / "draining", [(2000, 2001)], [], [], fail=10**6)
    original, refusing = server.sleep, []

    def sleep(seconds: float) -> None:
        refusing.append((server.at, server.drain_file.exists()))
        if server.at > 2100:
            raise Refused
        original(seconds)

    server.sleep = sleep  # type: ignore[method-assign]
    with pytest.raises(Refused):
        run(server, replace(TERMS, grace=300))
    assert server.admitted == [(2000, 2001)]
    assert [at for at, there in refusing if there] != []


def test_only_the_guards_own_drain_is_taken_back(tmp_path: Path) -> None:
    server = Server(tmp_path / "draining", [], [], [])
    server.drain_file.write_text("an update, until it is ready\n")
    run(server)
    assert server.drain_file.read_text() == "an update, until it is ready\n"


def test_a_drain_that_an_operator_asked_for_is_not_taken_back(tmp_path: Path) -> None:
    server = Server(tmp_path / "draining", [], [], [])
    server.drain_file.touch()
    run(server)
    assert server.drain_file.read_text() == ""


def test_a_guard_that_was_restarted_takes_back_its_predecessors_drain(tmp_path: Path) -> None:
    server = Server(tmp_path / "draining", [(31, 90)], [], [])
    server.drain_file.write_text(MARK)
    assert run(server)[0] == "drain: idle for 600 s"
    assert server.admitted == [(31, 90)]


def test_a_disk_that_cannot_be_written_does_not_keep_a_node_alive(tmp_path: Path) -> None:
    blocked = tmp_path / "draining"
    blocked.mkdir()  # where nobody can write or remove a file
    charter = Charter("s", "l", START, START + 5000, START + 9000)
    server = Server(blocked, [], [], [(0, 10**6)])
    said = run(server, replace(TERMS, setup=DAY), charter)
    assert (said[-1], server.at) == ("end: its time to live is over", 5000)
    assert any(line.startswith("cannot drain: ") for line in said)


@pytest.mark.parametrize("left", ["", "no number", None])
def test_a_guard_that_was_killed_while_it_noted_when_it_was_armed_is_armed_anew(
    tmp_path: Path, left: str | None
) -> None:
    armed = tmp_path / "armed"
    armed.mkdir() if left is None else armed.write_text(left)
    first = since_armed(armed)
    assert 0 <= first() < 5
    if left is not None:
        assert since_armed(armed)() >= first() - 1e-3


def test_it_tells_systemd_that_it_does_not_hang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(address)
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        tell_systemd()
        assert systemd.recv(99) == b"WATCHDOG=1"
    tell_systemd()  # nobody listens any more: no reason to stop
    monkeypatch.delenv("NOTIFY_SOCKET")
    tell_systemd()


def test_life_is_over_by_its_deadline_whatever_the_traffic(tmp_path: Path) -> None:
    charter = Charter("s", "l", START, START + 5000, START + 9000)
    server = Server(tmp_path / "draining", [(10, 10**6)], [], [])
    said = run(server, charter=charter)
    assert said[-1] == "end: its time to live is over"
    assert server.at <= 5000 + TERMS.poll


def test_what_runs_on_a_node_is_python_3_10_and_its_standard_library() -> None:
    for path, text in guard_files().items():
        tree = ast.parse(text, path, feature_version=(3, 10))
        imported = {
            name.split(".")[0]
            for node in ast.walk(tree)
            for name in (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
        }
        assert imported <= sys.stdlib_module_names | {"trivet"}, path


@pytest.fixture
def real_time() -> Iterator[tuple[FakeLambda, str]]:
    """A fake Lambda that lives in real time."""
    fake = FakeLambda(SystemClock())
    fake.account.boot_seconds = 0
    with serving(fake.app) as url:
        yield fake, url + BASE


def test_the_guards_process_ends_its_idle_node_and_no_other(real_time: tuple[FakeLambda, str], tmp_path: Path) -> None:
    fake, url = real_time
    now = int(time.time())
    charter = Charter("s", "l", now, now + 600, now + 600)
    tags = [TagBody(key=key, value=value) for key, value in charter.tags().items()]
    body = LaunchBody(region_name="us-east-1", instance_type_name="gpu_1x_a10", ssh_key_names=["k"], tags=tags)
    other = fake.account.launch(body.model_copy(update={"tags": []}))
    own = fake.account.launch(body)
    own.name = node_name("s")
    for path, text in guard_files().items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "key").write_text(KEY + "\n")
    metrics = "trivet_gateway_in_flight 0\ntrivet_gateway_requests_total 1\n"
    with serving(Starlette(routes=[Route("/metrics", lambda _: PlainTextResponse(metrics))])) as server:
        config = {
            "charter": asdict(charter),
            "terms": asdict(Terms(window=2, poll=1)),
            "sources": [f"{server}/metrics"],
            "drainFile": str(tmp_path / "draining"),
            "armedFile": str(tmp_path / "armed"),
            "lambda": {"url": url, "keyFile": str(tmp_path / "key")},
        }
        (tmp_path / "guard.json").write_text(json.dumps(config))
        # -S: no site-packages, as on a node.
        argv = [sys.executable, "-S", "-m", "trivet.idle.guard", "guard.json"]
        env = {"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
        with subprocess.Popen(argv, cwd=tmp_path, env=env, stdout=subprocess.PIPE, text=True) as process:
            try:
                patience = time.monotonic() + 30
                while own.ended_at is None and time.monotonic() < patience:
                    time.sleep(0.05)
            finally:
                process.kill()
            said = process.stdout.read() if process.stdout else ""
    assert own.ended_at is not None, said
    assert other.ended_at is None
    assert (tmp_path / "draining").exists()
    assert said.splitlines()[-2:] == ["drain: idle for 2 s", "end: idle for 2 s"]
    assert KEY not in said
