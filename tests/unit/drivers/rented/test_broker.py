"""The broker: one node ends at its own request, and nothing else does at anybody's."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from tests.fakes.lambda_cloud import KEY, FakeLambda, Fault, Faults, ManualClock
from tests.fakes.lambda_cloud.account import Launch as Instance
from tests.fakes.lambda_cloud.app import BASE
from tests.fakes.lambda_cloud.requests import LaunchBody, TagBody
from tests.fakes.lambda_cloud.server import Wire
from tests.fakes.serving import serving
from trivet.drivers.clock import SystemClock
from trivet.drivers.lambda_cloud import LambdaCloud, LambdaCompute
from trivet.drivers.rented import Ledger
from trivet.drivers.rented.broker import A_MINUTE, FRESH_SECONDS, LISTED_SECONDS, SILENCE_SECONDS, Broker
from trivet.drivers.rented.broker_server import listening
from trivet.drivers.rented.guard_files import guard_files
from trivet.errors import TrivetError
from trivet.idle.broker_account import BrokerAccount
from trivet.idle.charter import Charter, node_name
from trivet.idle.node import Standing
from trivet.idle.sealed import ForgedError, lease_secret, seal, unseal
from trivet.idle.watchdog import Terms

FIRST, SECOND, NOBODYS = "0" * 15 + "1", "0" * 15 + "2", "f" * 16
DAY = 86_400


class Place:
    """An account with two nodes of ours and one of somebody else, and a broker for it."""

    def __init__(self, fake: FakeLambda, url: str, clock: ManualClock | SystemClock, silence: float) -> None:
        self.fake, self.clock = fake, clock
        fake.account.boot_seconds = 0
        self.stranger = self._node([])
        self.first, self.second = self._ours(FIRST), self._ours(SECOND)
        self.lines: list[dict[str, Any]] = []
        self.cloud = LambdaCloud(KEY, url=url, clock=clock)
        self.broker = Broker(LambdaCompute(self.cloud), KEY, self.lines.append, silence=silence)
        self._sent = 0

    def say(self, launch: str, verb: Any, *, late: float = 0, nonce: Any = None, secret: str = "") -> dict[str, Any]:
        """What the broker answers."""
        return self.send(launch, self.message(launch, verb, late=late, nonce=nonce, secret=secret))

    def message(self, launch: str, verb: Any, *, late: float = 0, nonce: Any = None, secret: str = "") -> bytes:
        self._sent += 1
        said = {"verb": verb, "at": int(self.clock.now() - late), "nonce": nonce or f"{self._sent:032x}"}
        return seal(secret or lease_secret(KEY, launch), "node", launch, said)

    def send(self, launch: str, message: bytes) -> dict[str, Any]:
        return unseal(lease_secret(KEY, launch), "broker", self.broker.answer(message, "192.0.2.7"))

    @property
    def ended(self) -> list[Instance]:
        return [each for each in (self.first, self.second, self.stranger) if each.ended_at is not None]

    def _ours(self, launch: str) -> Instance:
        now = int(self.clock.now())
        tags = Charter("s", launch, now, now + DAY, now + DAY).tags()
        return self._node([TagBody(key=key, value=value) for key, value in tags.items()])

    def _node(self, tags: list[TagBody]) -> Instance:
        return self.fake.account.launch(
            LaunchBody(
                region_name="us-east-1",
                instance_type_name="gpu_1x_a10",
                ssh_key_names=["k"],
                tags=tags,
                name=node_name("s"),
            )
        )


def place_at(wire: Wire) -> Place:
    fake = wire.fresh()
    assert isinstance(fake.clock, ManualClock)
    return Place(fake, wire.url, fake.clock, SILENCE_SECONDS)


@pytest.fixture
def place(lambda_wire: Wire) -> Iterator[Place]:
    made = place_at(lambda_wire)
    with made.cloud:
        yield made


def test_a_node_learns_how_it_stands_and_ends_at_its_own_request(place: Place) -> None:
    assert place.say(FIRST, "look")["name"] == node_name("s")
    assert place.say(FIRST, "look")["phase"] == "active"
    assert place.ended == []
    assert "refused" not in place.say(FIRST, "end")
    assert place.ended == [place.first]
    line = place.lines[-1]
    assert abs(line.pop("at") - place.clock.now()) < 5
    assert line == {
        "peer": "192.0.2.7",
        "launch": FIRST,
        "verb": "end",
        "node": place.first.id,
        "outcome": "done",
    }


def test_a_message_that_was_sent_before_is_heeded_once(place: Place) -> None:
    message = place.message(FIRST, "look")
    assert "refused" not in place.send(FIRST, message)
    assert place.send(FIRST, message)["refused"] == "replayed"
    place.clock.sleep(2 * FRESH_SECONDS + 1)
    assert place.send(FIRST, message)["refused"] == "stale"


@pytest.mark.parametrize("late", [FRESH_SECONDS + 1, -FRESH_SECONDS - 1, 10**12, -(10**30)])
def test_a_message_of_another_time_is_refused_with_the_time_that_it_is(place: Place, late: int) -> None:
    answer = place.say(FIRST, "end", late=late)
    assert (answer["refused"], answer["at"]) == ("stale", int(place.clock.now()))
    assert place.ended == []


def test_a_message_from_before_the_broker_began_may_have_been_heeded_and_is_not_again(place: Place) -> None:
    message = place.message(FIRST, "end")
    place.clock.sleep(5)
    again = Broker(LambdaCompute(place.cloud), KEY, place.lines.append)
    answer = unseal(lease_secret(KEY, FIRST), "broker", again.answer(message, ""))
    assert (answer["refused"], place.ended) == ("stale", [])


def test_a_node_that_asks_too_often_waits_and_keeps_no_other_waiting(place: Place) -> None:
    assert all("refused" not in place.say(FIRST, "look") for _ in range(A_MINUTE))
    assert place.say(FIRST, "end")["refused"] == "too often"
    assert "refused" not in place.say(SECOND, "look")
    place.clock.sleep(60)
    assert "refused" not in place.say(FIRST, "end")
    assert place.ended == [place.first]


def test_a_launch_that_has_no_node_and_a_verb_that_is_none_are_refused(place: Place) -> None:
    assert place.say(NOBODYS, "end")["refused"] == "no such node"
    assert place.say(FIRST, "restart everything")["refused"] == "no such verb"
    assert place.ended == []


def test_a_provider_that_fails_is_said_and_the_node_may_ask_again(place: Place) -> None:
    place.fake.faults = Faults([Fault.NONE, Fault.FORBIDDEN])
    assert place.say(FIRST, "end")["refused"].startswith("the provider: ")
    assert place.ended == []
    assert "refused" not in place.say(FIRST, "end")
    assert place.ended == [place.first]


def test_a_fleet_that_looks_asks_the_provider_once_in_a_while(place: Place) -> None:
    asked = place.clock.monotonic()
    for _ in range(10):
        place.say(FIRST, "look")
        place.say(SECOND, "look")
    assert place.clock.monotonic() - asked < LISTED_SECONDS, "the provider's pace was waited for at most once"


def test_a_node_that_fell_silent_is_ended_and_one_that_was_never_heard_of_is_not(place: Place, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    place.say(FIRST, "look")
    place.clock.sleep(SILENCE_SECONDS - 5)
    place.broker.sweep(ledger)
    assert place.ended == []
    place.clock.sleep(5)
    place.broker.sweep(ledger)
    assert place.ended == [place.first]
    assert place.lines[-1]["outcome"] == f"done: silent for {SILENCE_SECONDS} s"
    place.clock.sleep(60)
    place.broker.sweep(ledger)
    assert len([line for line in place.lines if "silent" in line["outcome"]]) == 1


def test_while_the_door_keeps_peers_out_nobody_counts_as_silent(place: Place, tmp_path: Path) -> None:
    place.say(FIRST, "look")
    place.clock.sleep(SILENCE_SECONDS - 5)
    place.broker.turned_away()
    place.clock.sleep(SILENCE_SECONDS - 5)
    place.broker.sweep(Ledger(tmp_path))
    assert place.ended == []
    place.clock.sleep(5)
    place.broker.sweep(Ledger(tmp_path))
    assert place.ended == [place.first]


@pytest.mark.parametrize("jump", [-DAY, DAY])
def test_a_wall_clock_that_is_set_makes_no_message_stale(place: Place, jump: int) -> None:
    clock = place.clock
    assert isinstance(clock, ManualClock)
    clock.skew = jump
    said = int(clock.now() - jump)
    message = seal(lease_secret(KEY, FIRST), "node", FIRST, {"verb": "look", "at": said, "nonce": "0" * 32})
    assert place.send(FIRST, message)["phase"] == "active"


def test_a_broker_is_a_reaper_too(place: Place, tmp_path: Path) -> None:
    place.clock.sleep(DAY)
    place.broker.sweep(Ledger(tmp_path))
    assert place.ended == [place.first, place.second]
    assert [line["outcome"] for line in place.lines] == ["done: its time to live is over"] * 2


def test_neither_key_nor_secrets_are_in_what_it_writes_or_says(place: Place) -> None:
    answers = [place.broker.answer(place.message(FIRST, verb), "x") for verb in ("look", "end", "?")]
    with pytest.raises(ForgedError):
        place.broker.answer(b"knock", "x")
    told = json.dumps(place.lines) + repr(answers)
    assert KEY not in told
    assert lease_secret(KEY, FIRST) not in told


def test_who_knocks_fills_no_log(place: Place) -> None:
    for _ in range(1000):
        with pytest.raises(ForgedError):
            place.broker.answer(b"knock", "x")
    assert len(place.lines) == 1


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40) | st.lists(st.integers())


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from([FIRST, SECOND, NOBODYS]),
            st.sampled_from([FIRST, SECOND, NOBODYS, "", "guessed"]),
            st.sampled_from(["look", "end", "END", "terminate"]) | VALUES,
            st.integers(-300, 300) | st.sampled_from([0, 0, 0]),
            st.integers(0, 3),
        ),
        max_size=12,
    )
)
def test_a_node_ends_by_its_own_fresh_word_alone(
    lambda_wire: Wire, steps: list[tuple[str, str, Any, int, int]]
) -> None:
    place = place_at(lambda_wire)
    expected, nonces = set(), set()
    with place.cloud:
        for launch, whose, verb, late, nonce in steps:
            secret = lease_secret(KEY, whose) if len(whose) == len(FIRST) else whose or "none"
            message = place.message(launch, verb, late=late, nonce=f"n{nonce}", secret=secret)
            genuine = whose == launch
            try:
                answer = place.send(launch, message)
            except ForgedError:
                assert not genuine
                continue
            assert genuine
            fresh = 0 >= late >= -FRESH_SECONDS or (late > 0 and place.clock.now() - late >= place.broker._begun)
            if "refused" not in answer:
                assert fresh
                assert nonce not in nonces
                if verb == "end":
                    expected.add(launch)
            if answer.get("refused") not in {"stale", "replayed"}:
                nonces.add(nonce)
    named = {place.first.id: FIRST, place.second.id: SECOND}
    assert {named[each.id] for each in place.ended} == expected - {NOBODYS}


@pytest.fixture
def living() -> Iterator[tuple[Place, str]]:
    """A broker that answers in real time, and listens."""
    fake = FakeLambda(SystemClock())
    with serving(fake.app) as url:
        place = Place(fake, url + BASE, SystemClock(), silence=3)
        with place.cloud, listening(place.broker, "127.0.0.1", 0) as port:
            yield place, f"http://127.0.0.1:{port}/"


def test_a_node_whose_clock_is_off_asks_again_by_the_brokers(living: tuple[Place, str], tmp_path: Path) -> None:
    place, url = living
    (tmp_path / "secret").write_text(lease_secret(KEY, FIRST))
    account = BrokerAccount(url, tmp_path / "secret", FIRST, now=lambda: time.time() - 5000)
    with pytest.raises(ValueError, match="the broker refuses: stale"):
        account.look()
    assert account.look() == Standing(node_name("s"), "active")
    account.end()
    assert place.ended == [place.first]


def test_an_answer_to_another_question_is_none(living: tuple[Place, str], tmp_path: Path) -> None:
    place, _ = living
    (tmp_path / "secret").write_text(lease_secret(KEY, FIRST))
    old = place.broker.answer(place.message(FIRST, "look"), "")
    parrot = Starlette(routes=[Route("/", lambda _: PlainTextResponse(old), methods=["POST"])])
    with serving(parrot) as url, pytest.raises(ValueError, match="another question"):
        BrokerAccount(f"{url}/", tmp_path / "secret", FIRST).look()


def test_the_door_refuses_what_is_no_message(living: tuple[Place, str]) -> None:
    place, url = living
    assert httpx.post(url, content=b"knock").status_code == HTTPStatus.FORBIDDEN
    assert httpx.post(url, content=b"x" * 5000).status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    assert httpx.get(url).status_code == HTTPStatus.NOT_IMPLEMENTED
    assert place.ended == []


def test_peers_that_hang_on_keep_nobody_out_for_long(living: tuple[Place, str], tmp_path: Path) -> None:
    _, url = living
    port = int(url.rsplit(":", 1)[1].strip("/"))
    hanging = [socket.create_connection(("127.0.0.1", port)) for _ in range(40)]
    (tmp_path / "secret").write_text(lease_secret(KEY, FIRST))
    account, patience = BrokerAccount(url, tmp_path / "secret", FIRST), time.monotonic() + 20
    while True:
        try:
            assert account.look().phase == "active"
            break
        except OSError:
            assert time.monotonic() < patience
            time.sleep(0.2)
    for each in hanging:
        each.close()


def test_who_floods_the_door_from_one_address_keeps_no_other_out_and_ends_no_node(
    living: tuple[Place, str], tmp_path: Path
) -> None:
    place, url = living
    port = int(url.rsplit(":", 1)[1].strip("/"))
    place.say(FIRST, "look")
    time.sleep(3)  # it is silent by now
    hanging = [socket.create_connection(("127.0.0.1", port)) for _ in range(40)]
    other = http.client.HTTPConnection("127.0.0.1", port, timeout=3, source_address=("127.0.0.2", 0))
    other.request("POST", "/", b"knock")
    assert other.getresponse().status == HTTPStatus.FORBIDDEN
    place.broker.sweep(Ledger(tmp_path))
    assert place.ended == []
    other.close()
    for each in hanging:
        each.close()


def test_an_address_that_is_taken_is_said(living: tuple[Place, str]) -> None:
    place, url = living
    port = int(url.rsplit(":", 1)[1].strip("/"))
    with pytest.raises(TrivetError, match="nobody else has"), listening(place.broker, "127.0.0.1", port):
        pass
    assert threading.active_count() < 10


def test_the_guards_process_ends_its_node_through_the_broker_with_no_key_on_the_node(
    living: tuple[Place, str], tmp_path: Path
) -> None:
    place, url = living
    node = tmp_path / "node"
    for path, text in guard_files().items():
        (node / path).parent.mkdir(parents=True, exist_ok=True)
        (node / path).write_text(text)
    (node / "secret").write_text(lease_secret(KEY, FIRST))
    now = int(time.time())
    metrics = "trivet_gateway_in_flight 0\n"
    with serving(Starlette(routes=[Route("/metrics", lambda _: PlainTextResponse(metrics))])) as server:
        config = {
            "charter": asdict(Charter("s", FIRST, now, now + 600, now + 600)),
            "terms": asdict(Terms(window=2, poll=1)),
            "sources": [f"{server}/metrics"],
            "drainFile": str(node / "draining"),
            "armedFile": str(node / "armed"),
            "broker": {"url": url, "keyFile": str(node / "secret")},
        }
        (node / "guard.json").write_text(json.dumps(config))
        argv = [sys.executable, "-S", "-m", "trivet.idle.guard", "guard.json"]
        env = {"PYTHONPATH": str(node), "PYTHONDONTWRITEBYTECODE": "1"}
        with subprocess.Popen(argv, cwd=node, env=env, stdout=subprocess.DEVNULL) as process:
            try:
                patience = time.monotonic() + 30
                while not place.ended and time.monotonic() < patience:
                    time.sleep(0.05)
            finally:
                process.kill()
    assert place.ended == [place.first]
    assert all(KEY not in path.read_text() for path in node.rglob("*") if path.is_file())


def test_a_node_whose_guard_was_killed_is_ended_by_the_broker(living: tuple[Place, str], tmp_path: Path) -> None:
    place, url = living
    (tmp_path / "secret").write_text(lease_secret(KEY, SECOND))
    BrokerAccount(url, tmp_path / "secret", SECOND).look()
    patience = time.monotonic() + 30
    while not place.ended and time.monotonic() < patience:
        place.broker.sweep(Ledger(tmp_path))
        time.sleep(0.2)
    assert place.ended == [place.second]
