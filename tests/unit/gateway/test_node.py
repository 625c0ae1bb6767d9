"""The node: models first, then the gateway; what dies comes back; the audit is copied; the end is orderly."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from trivet_gateway.node import FRONTIER_KEY, PLAN, PLAN_FILE
from trivet_gateway.node.copies import Copies
from trivet_gateway.node.journal import Journal
from trivet_gateway.node.plan import Plan

# A server that says when it starts and when it is asked to end, and answers 200 after a while.
SERVER = """
import http.server, os, signal, sys, time
name, port, log, delay = sys.argv[1], int(sys.argv[2]), sys.argv[3], float(sys.argv[4])
def note(what):
    with open(log, "a") as file: file.write(f"{name} {what}\\n")
note("started")
def end(*_):
    note("ended")
    os._exit(0)
signal.signal(signal.SIGTERM, end)
time.sleep(delay)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
        self.wfile.write("\\n".join(sorted(os.environ)).encode())
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


class Node:
    """A node in a process of its own, with one model and a gateway that are toys."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.log = root / "log"
        self.log.touch()
        self.ports = {"model": free_port(), "gateway": free_port()}
        self.plan: dict[str, Any] = {
            "models": [self.server("model", delay=0.3)],
            "gateway": self.server("gateway"),
            "audit": str(root / "audit" / "audit.sqlite"),
            "copies": str(root),
            "frontier_key_file": str(root / "run" / "frontier"),
            "start_seconds": 20,
            "drain_seconds": 5,
        }
        self.process: subprocess.Popen[bytes]

    def server(self, name: str, *, delay: float = 0) -> dict[str, Any]:
        port = self.ports[name]
        return {
            "name": name,
            "argv": [sys.executable, "-c", SERVER, name, str(port), str(self.log), str(delay)],
            "environment": {"OWN": name},
            "health": f"http://127.0.0.1:{port}/",
        }

    def start(self, **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "trivet_gateway.node"],
            env={**os.environ, PLAN: json.dumps(self.plan), "MODAL_TASK_ID": "ta-1", **environment},
        )

    @property
    def said(self) -> list[str]:
        return self.log.read_text().splitlines()

    def end(self) -> int:
        self.process.terminate()
        return self.process.wait(15)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    made = Node(tmp_path)
    yield made
    if hasattr(made, "process") and made.process.poll() is None:
        made.end()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def eventually(true: Callable[[], object], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def variables(node: Node, name: str) -> set[str]:
    with urllib.request.urlopen(f"http://127.0.0.1:{node.ports[name]}/") as answer:
        return set(answer.read().decode().split())


def answers(node: Node, name: str) -> bool:
    try:
        return bool(variables(node, name))
    except OSError:
        return False


def test_the_gateway_starts_when_every_model_answers_and_ends_before_them(node: Node) -> None:
    node.start()
    eventually(lambda: answers(node, "gateway"))
    assert answers(node, "model")
    assert node.end() == 0
    assert node.said == ["model started", "gateway started", "gateway ended", "model ended"]


def test_a_plan_in_a_file_does_and_nothing_need_outlive_the_container(node: Node) -> None:
    file = node.root / "node.json"
    file.write_text(json.dumps({**node.plan, "copies": None}))
    node.start(**{PLAN: "", PLAN_FILE: str(file)})
    eventually(lambda: answers(node, "gateway"))
    assert node.end() == 0
    assert not list(node.root.glob("*.sqlite"))


def test_what_dies_is_started_again(node: Node) -> None:
    node.start()
    eventually(lambda: answers(node, "gateway"))
    children = Path(f"/proc/{node.process.pid}/task/{node.process.pid}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGKILL)
    eventually(lambda: node.said.count("model started") == 2)
    assert node.said.count("gateway started") == 1


def test_a_model_that_never_answers_ends_the_node(node: Node) -> None:
    node.plan["start_seconds"] = 0.5
    node.plan["models"][0]["health"] = f"http://127.0.0.1:{free_port()}/"
    node.start()
    assert node.process.wait(15) == 3
    assert "gateway started" not in node.said


def test_an_end_that_is_asked_for_while_models_load_is_an_end(node: Node) -> None:
    node.plan["models"][0]["health"] = f"http://127.0.0.1:{free_port()}/"
    node.start()
    eventually(lambda: node.said)
    assert node.end() == 0


def test_secrets_reach_no_server(node: Node) -> None:
    node.start(**{FRONTIER_KEY: "canary", "MODAL_TOKEN_SECRET": "canary"})
    eventually(lambda: answers(node, "gateway"))
    for name in ("model", "gateway"):
        seen = variables(node, name)
        assert "OWN" in seen
        assert not {each for each in seen if each.startswith(("TRIVET_", "MODAL_"))}


def test_the_frontier_s_key_is_in_a_file_of_its_own(node: Node) -> None:
    node.start(**{FRONTIER_KEY: "canary"})
    file = node.root / "run" / "frontier"
    eventually(lambda: file.exists() and file.read_text() == "canary")
    assert file.stat().st_mode & 0o077 == 0


def test_without_a_frontier_there_is_no_file(node: Node) -> None:
    node.start()
    eventually(lambda: answers(node, "gateway"))
    assert not (node.root / "run").exists()


def test_the_audit_is_copied_at_the_end(node: Node) -> None:
    (node.root / "audit").mkdir()
    with closing(sqlite3.connect(node.plan["audit"])) as audit:
        audit.execute("PRAGMA journal_mode = WAL")
        audit.execute("CREATE TABLE rows (n)")
        audit.execute("INSERT INTO rows VALUES (7)")
        audit.commit()
        node.start()
        eventually(lambda: answers(node, "gateway"))
        assert node.end() == 0
    assert rows(node.root / "ta-1.sqlite") == [7]


def test_an_unreadable_plan_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "trivet_gateway.node"], env={**os.environ, PLAN: "{}"}, capture_output=True, check=False
    )
    assert done.returncode == 2
    assert PLAN.encode() in done.stderr


def test_a_copy_is_made_when_something_changed_and_not_otherwise(tmp_path: Path) -> None:
    source, target = tmp_path / "audit.sqlite", tmp_path / "copy.sqlite"
    with closing(sqlite3.connect(source)) as audit:
        audit.execute("PRAGMA journal_mode = WAL")
        audit.execute("CREATE TABLE rows (n)")
        audit.commit()
        copies = Copies(source, target)
        assert copies.refresh()
        assert not copies.refresh()
        audit.execute("INSERT INTO rows VALUES (1)")
        audit.commit()
        assert copies.refresh()
        copies.close()
    assert rows(target) == [1]
    assert sorted(path.name for path in tmp_path.iterdir() if "copy" in path.name) == ["copy.sqlite"]


def test_where_only_the_log_outlives_the_container_each_row_is_in_it_once(tmp_path: Path) -> None:
    source, log = tmp_path / "audit.sqlite", io.StringIO()
    journal = Journal(source, log)
    assert not journal.refresh()
    with closing(sqlite3.connect(source)) as audit:
        audit.execute("CREATE TABLE audit (seq INTEGER PRIMARY KEY, hash TEXT)")
        for number in (1, 2):
            audit.execute("INSERT INTO audit VALUES (?, ?)", (number, f"h{number}"))
            audit.commit()
            assert journal.refresh()
            assert not journal.refresh()
        journal.close()
    lines = [json.loads(line)["audit"] for line in log.getvalue().splitlines()]
    assert lines == [{"seq": 1, "hash": "h1"}, {"seq": 2, "hash": "h2"}]


def test_an_audit_that_is_not_there_yet_is_not_copied(tmp_path: Path) -> None:
    assert not Copies(tmp_path / "none", tmp_path / "copy").refresh()
    assert not list(tmp_path.iterdir())


def test_a_plan_that_lacks_something_is_none() -> None:
    with pytest.raises(KeyError):
        Plan.read("{}")


def rows(path: Path) -> list[int]:
    with closing(sqlite3.connect(path)) as copy:
        return [row[0] for row in copy.execute("SELECT n FROM rows")]
