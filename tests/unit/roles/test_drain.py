"""What the role `power` runs before a stop and after a start; an engine and a gateway stand in on the wire."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.roles.loading import load

# As much of Docker's command line as is spoken: keeps what it is told, refuses the rest.
ENGINE = """#!/bin/sh
OURS=label=com.docker.compose.project=trivet-a
echo "$*" >>"$SAID"
case "$*" in
  "ps --quiet --filter $OURS --filter label=com.docker.compose.service=gateway") echo g1 ;;
  "ps --all --quiet --filter $OURS") printf 'g1\\nm1\\n' ;;
  "port g1") printf '8080/tcp -> 127.0.0.1:%s\\n8080/tcp -> [::]:%s\\n' "$PORT" "$PORT" ;;
  "compose --file "*/a/compose.yaml" stop" | "start g1 m1") ;;
  *) echo "unknown: $*" >&2; exit 125 ;;
esac
"""


drain = load("power", "drain")


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Requests in flight, one number an answer; the last one stays."""
    numbers = [0]

    class Gateway(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            number = numbers.pop(0) if len(numbers) > 1 else numbers[0]
            self.send_response(200 if self.path == "/metrics" else 404)
            self.end_headers()
            self.wfile.write(f'trivet_gateway_in_flight{{team="default"}} {number}\n'.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Gateway) as server:
        threading.Thread(target=server.serve_forever).start()
        monkeypatch.setenv("PORT", str(server.server_port))
        yield numbers
        server.shutdown()


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answers: list[int]) -> Path:
    """What the engine was told, below whose root the stack `a` lies."""
    assert answers
    engine = tmp_path / "bin" / "docker"
    engine.parent.mkdir()
    engine.write_text(ENGINE)
    engine.chmod(0o755)
    (tmp_path / "root" / "a" / "etc").mkdir(parents=True)
    (tmp_path / "root" / "a" / "compose.yaml").touch()
    (tmp_path / "stopped").mkdir()
    monkeypatch.setenv("PATH", str(engine.parent), prepend=os.pathsep)
    monkeypatch.setenv("SAID", str(tmp_path / "said"))
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "stopped"))
    return tmp_path / "said"


def stop(tmp_path: Path, seconds: int) -> None:
    assert drain.main(["stop", str(tmp_path / "root"), str(seconds)]) == 0


@pytest.mark.usefixtures("said")
def test_a_stop_announces_itself_waits_for_requests_and_a_start_takes_it_back(
    tmp_path: Path, said: Path, answers: list[int]
) -> None:
    answers[:] = [2, 1, 0]
    stop(tmp_path, 20)
    draining = tmp_path / "root" / "a" / "etc" / "draining"
    assert draining.read_text() == drain.MARK
    told = said.read_text().splitlines()
    assert sum(line.startswith("ps --quiet") for line in told) == 3
    assert told[-1].endswith("/a/compose.yaml stop")
    assert drain.main(["start", str(tmp_path / "root")]) == 0
    assert said.read_text().splitlines()[-1] == "start g1 m1"
    assert not draining.exists()


@pytest.mark.usefixtures("said")
def test_a_request_that_does_not_end_is_not_waited_for_for_ever(tmp_path: Path, answers: list[int]) -> None:
    answers[:] = [1]
    stop(tmp_path, 1)
    assert drain.docker("ps") == "", "what the engine refuses ends nothing"


@pytest.mark.usefixtures("said")
def test_who_drained_a_stack_before_still_has_it_drained_after_the_start(tmp_path: Path) -> None:
    draining = tmp_path / "root" / "a" / "etc" / "draining"
    draining.touch()
    stop(tmp_path, 1)
    drain.main(["start", str(tmp_path / "root")])
    assert draining.read_text() == ""


def test_a_start_without_a_stop_starts_nothing(tmp_path: Path, said: Path) -> None:
    assert drain.main(["start", str(tmp_path / "root")]) == 0
    assert not said.exists()


@pytest.mark.usefixtures("said")
@pytest.mark.parametrize("argv", [[], ["stop", "/srv"], ["stop", "/srv", "long"], ["restart", "/srv"]])
def test_a_command_line_that_it_does_not_know_is_refused(argv: list[str]) -> None:
    assert drain.main(argv) == 2


@given(st.dictionaries(st.text("abc-", min_size=1), st.integers(0, 10**6)))
def test_requests_of_all_teams_count_and_nothing_else_does(teams: dict[str, int]) -> None:
    lines = [f'trivet_gateway_in_flight{{team="{name}"}} {number}' for name, number in teams.items()]
    text = "\n".join(["# TYPE trivet_gateway_in_flight gauge", *lines, 'trivet_gateway_queue_depth{model="m"} 7'])
    assert drain.in_flight(text) == sum(teams.values())
