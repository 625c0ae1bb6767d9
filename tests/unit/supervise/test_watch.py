"""The watchdog against an engine on the wire and a server that really stops answering."""

from __future__ import annotations

import fcntl
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.fakes.docker_socket import FakeDocker, docker_socket
from tests.program.stack import eventually
from trivet.supervise import canary
from trivet.supervise.engine import Engine, EngineError, Running
from trivet.supervise.watch import Surroundings, Watched, notifier, watched_of

NAME = "trivet-unit-model-x-1"


@dataclass
class Model:
    """A model's server: how often it was asked for a token. Unless told to `go_on`, it answers nobody."""

    asked: int = 0
    decoded: int = 0
    go_on: threading.Event = field(default_factory=threading.Event)


@dataclass
class Scene:
    """The watchdog, its surroundings, and a clock that the test turns."""

    model: Model
    docker: FakeDocker
    watched: Watched
    here: Surroundings
    at: list[float]
    said: list[str]

    def rounds(self, count: int, *, answered: bool) -> None:
        for _ in range(count):
            asked = self.model.asked
            self.here.round([self.watched])
            if answered:
                eventually(lambda asked=asked: self.model.asked > asked and not _is_asking(self.watched))
            self.at[0] += 5


def _is_asking(watched: Watched) -> bool:
    thread = watched.canary._asking
    return thread is not None and thread.is_alive()


@pytest.fixture
def model() -> Iterator[tuple[Model, int]]:
    state = Model()
    state.go_on.set()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.go_on.wait(30)
            self.reply(f"llamacpp:requests_processing 0\nllamacpp:n_decode_total {state.decoded}\n".encode())

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            state.go_on.wait(30)
            assert asked == {"model": "x", "prompt": "1", "max_tokens": 1}
            state.asked += 1
            self.reply(b"{}")

        def reply(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield state, server.server_port
        state.go_on.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def scene(tmp_path: Path, model: tuple[Model, int], monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setattr(canary, "METRICS_SECONDS", 0.3)
    state, port = model
    (tmp_path / "root" / "supervise").mkdir(parents=True)
    docker, at, said = FakeDocker({NAME: 2**22 + 1}), [100.0], []
    body = {"model": "x", "prompt": "1", "max_tokens": 1}
    service = {"service": "model-x", "container": NAME, "port": port, "path": "/v1/completions", "body": body}
    config = {"terms": {"look": 5.0}, "services": [{**service, "start": 60}]}
    with docker_socket(docker, tmp_path / "docker.sock") as path:
        here = Surroundings(
            engine=Engine(path),
            root=tmp_path / "root",
            output=tmp_path,
            clock=lambda: at[0],
            notify=lambda _: None,
            say=said.append,
        )
        yield Scene(state, docker, watched_of(config)[0], here, at, said)


def test_a_server_that_stops_answering_is_restarted_once_and_well_again(scene: Scene) -> None:
    scene.rounds(3, answered=True)
    assert scene.watched.vigil.verdict == "well"
    scene.model.go_on.clear()
    scene.rounds(5, answered=False)
    assert scene.docker.restarts == {NAME: 1}
    assert "model-x: no sign for 20 s, no progress for 20 s: restarting it" in scene.said
    scene.model.go_on.set()
    scene.rounds(3, answered=True)
    assert scene.docker.restarts == {NAME: 1}
    assert scene.said[-1] == "model-x: well"


def test_one_whose_counters_move_is_not_even_asked(scene: Scene) -> None:
    scene.rounds(2, answered=True)
    asked = scene.model.asked
    for _ in range(20):
        scene.model.decoded += 1
        scene.rounds(1, answered=False)
    assert scene.model.asked == asked
    assert scene.docker.restarts == {}


@pytest.mark.parametrize(("lock", "kind"), [(".lock", fcntl.LOCK_EX), (".lock.commands", fcntl.LOCK_SH)])
def test_while_somebody_works_on_the_installation_nothing_is_restarted(scene: Scene, lock: str, kind: int) -> None:
    scene.rounds(3, answered=True)
    scene.model.go_on.clear()
    with Path(f"{scene.here.root}{lock}").open("w") as file:
        fcntl.flock(file, kind)
        scene.rounds(8, answered=False)
        assert scene.docker.restarts == {}
    scene.rounds(5, answered=False)
    assert scene.docker.restarts == {NAME: 1}


def test_one_that_somebody_paused_or_stopped_is_left_alone(scene: Scene) -> None:
    scene.rounds(2, answered=True)
    scene.docker.status = "paused"
    scene.rounds(10, answered=False)
    assert scene.docker.restarts == {}
    assert scene.watched.vigil.verdict == "down"


def test_an_engine_that_does_not_answer_is_said_and_nothing_is_concluded(scene: Scene) -> None:
    scene.rounds(2, answered=True)
    gone = Surroundings(**{**vars(scene.here), "engine": Engine(str(scene.here.output / "nobody.sock"))})
    gone.round([scene.watched])
    assert "model-x" in scene.said[-1]
    assert scene.watched.vigil.verdict == "well"
    with pytest.raises(EngineError, match="status 404"):
        scene.here.engine.restart(Running("id-of-other", "r", 1, ""))


def test_an_update_that_is_left_unfinished_is_taken_back_after_a_while(scene: Scene) -> None:
    root = scene.here.root
    (root / "supervise" / "stack.sh").write_text('rm "$(dirname "$0")/../compose.next.yaml"\n')
    (root / "compose.next.yaml").touch()
    scene.rounds(24, answered=True)
    assert (root / "compose.next.yaml").exists()
    scene.rounds(1, answered=True)
    eventually(lambda: not (root / "compose.next.yaml").exists())
    eventually(lambda: scene.here.settling is not None and scene.here.settling.poll() is not None)
    scene.rounds(1, answered=True)
    assert scene.said[-1] == "the update is taken back: exit code 0"


def test_heartbeat_and_metrics_say_how_everything_is(scene: Scene) -> None:
    scene.rounds(3, answered=True)
    beat = json.loads((scene.here.output / "heartbeat.json").read_text())
    assert beat["services"]["model-x"]["verdict"] == "well"
    lines = (scene.here.output / "watchdog.prom").read_text().splitlines()
    assert 'trivet_watchdog_up{service="model-x"} 1' in lines
    assert 'trivet_watchdog_restarts_total{service="model-x"} 0' in lines


def test_systemd_is_told(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        notifier(str(tmp_path / "notify"))("READY=1")
        assert listener.recv(100) == b"READY=1"
    notifier(None)("READY=1")  # nobody listens
