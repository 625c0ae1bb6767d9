"""The node's way to its provider: whatever answers there, the guard can go on."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trivet.idle.account import LambdaAccount, fetch
from trivet.idle.node import Standing

LAUNCH = "0123456789abcdef"
OWN = {"id": "i-1", "name": "trivet s", "status": "booting", "tags": [{"key": "launch-id", "value": LAUNCH}]}
OTHER = {"id": "i-2", "name": "theirs", "status": "active", "tags": []}


class Wire:
    """A server that answers every request with the same bytes, whatever they are."""

    def __init__(self) -> None:
        self.answer = b""
        self.asked: list[bytes] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                self.asked.append(connection.recv(65536))
                connection.sendall(self.answer)
                connection.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        # A thread that waits in accept() keeps the socket open: shut down, it does not.
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    served = Wire()
    yield served
    served.close()


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("account") / "key"
    path.write_text("secret_canary\n")
    return path


def whole(body: bytes, status: str = "200 OK") -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (status.encode(), len(body)) + body


def data(value: Any) -> bytes:
    return whole(json.dumps({"data": value}).encode())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["data", "id", "name", "tags", "key", "value", "status"]), inner, max_size=4)
    ),
    max_leaves=12,
)
ANSWERS = st.one_of(
    st.binary(max_size=80),
    st.binary(max_size=80).map(whole),
    JSON.map(lambda value: whole(json.dumps(value).encode())),
    JSON.map(data),
    st.lists(JSON, max_size=3).map(lambda listed: data([OTHER, *listed])),
    st.sampled_from(["429 Too Many Requests", "500 No", "302 Found", "204 No Content"]).map(lambda s: whole(b"{}", s)),
    st.just(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"),
    st.just(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(answer=ANSWERS)
def test_whatever_the_provider_answers_is_an_error_that_the_guard_survives(
    wire: Wire, key_file: Path, answer: bytes
) -> None:
    wire.answer = answer
    for verb in ("look", "end"):
        with contextlib.suppress(OSError, ValueError):
            getattr(LambdaAccount(wire.url, key_file, LAUNCH), verb)()


def test_it_finds_itself_by_its_launch_and_tells_how_it_stands(wire: Wire, key_file: Path) -> None:
    wire.answer = data([OTHER, {"id": "i-3"}, OWN])
    assert LambdaAccount(wire.url, key_file, LAUNCH).look() == Standing("trivet s", "booting")


def test_who_once_knew_its_id_can_end_itself_though_it_is_listed_no_more(wire: Wire, key_file: Path) -> None:
    account = LambdaAccount(wire.url, key_file, LAUNCH, sleep=lambda _: None)
    wire.answer = data([OWN])
    account.look()
    wire.answer = data({})
    wire.asked.clear()
    account.end()
    (asked,) = wire.asked
    assert asked.startswith(b"POST /instance-operations/terminate ")


def test_without_its_key_it_says_so_and_may_have_it_later(wire: Wire, tmp_path: Path) -> None:
    account = LambdaAccount(wire.url, tmp_path / "key", LAUNCH)
    with pytest.raises(OSError, match="key"):
        account.look()
    (tmp_path / "key").write_text("k")
    wire.answer = data([OWN])
    assert account.look().name == "trivet s"


def test_an_answer_without_end_is_not_read_to_it(wire: Wire) -> None:
    wire.answer = whole(b"x" * 1001)
    with pytest.raises(ValueError, match="more than 1000 bytes"):
        fetch(wire.url, most=1000)
