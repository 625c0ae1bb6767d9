"""Machines of your own as a provider: on this machine, in a directory of the test's."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.lambda_cloud import ManualClock
from tests.unit.drivers.rented.world import CHOICE, WISH
from trivet.drivers.host import Host
from trivet.drivers.local import LocalHost
from trivet.drivers.own_node import Machine, OwnNodes
from trivet.drivers.rented import Launch, Ledger, Wish, acquire, release
from trivet.drivers.rented.sweep import sweep
from trivet.drivers.ssh import SshHost
from trivet.errors import CapacityError, CloudError
from trivet.idle.charter import held_name
from trivet.idle.guard import Surroundings, guard
from trivet.idle.machine_account import MachineAccount
from trivet.idle.metrics import Reading
from trivet.idle.node import Standing
from trivet.idle.watchdog import Terms, Watchdog
from trivet.spec.ssh import SshTarget

REGION = "za-office"


class Place:
    """One machine, its provider, and the ledger of a checkout that borrows it."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.stack = f"unit-{secrets.token_hex(4)}"  # no container of anybody's has this project
        self.clock = ManualClock()
        self.state = folder / "lease"
        self.set_up = f"touch {folder}/set-up"
        target = SshTarget(address="127.0.0.1", port=1, known_hosts=str(folder / "known_hosts"))
        declared = {"end": ("touch", str(folder / "ended")), "state": str(self.state), **changes}
        self.machine = Machine(name="box", target=target, region=REGION, cents_per_hour=60, **declared)
        self.provider = OwnNodes([self.machine], self._connect, self.clock)
        self.ledger = Ledger(folder / "rented")

    @contextlib.contextmanager
    def _connect(self, _: Machine) -> Iterator[Host]:
        yield LocalHost()

    def up(self) -> Launch:
        choice = type(CHOICE)(("box",), (REGION,), CHOICE.ttl, CHOICE.budget)
        data = f"#cloud-config\nbootcmd:\n- {self.set_up}\n"
        wish = Wish(self.stack, choice, WISH.max_ttl, WISH.label, WISH.public_key, WISH.doors, lambda _: data)
        return acquire(self.provider, self.ledger, wish, lambda _: None)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_machine_is_offered_lent_set_up_and_given_back(place: Place, tmp_path: Path) -> None:
    (offer,) = place.provider.offers()
    assert (offer.kind, offer.region, offer.cents_per_hour) == ("box", REGION, 60)
    launch = place.up()
    (node,) = place.provider.nodes()
    assert (node.id, node.phase, node.address) == (f"box/{launch.launch_id}", "active", "127.0.0.1")
    assert node.tags == launch.charter.tags()
    assert (tmp_path / "set-up").exists()
    assert place.provider.offers() == []
    assert (place.state / "lease.json").stat().st_mode & 0o777 == 0o600

    release(place.provider, place.ledger, place.stack, lambda _: None)
    assert (tmp_path / "ended").exists()
    assert (place.provider.nodes(), place.provider.node(node.id)) == ([], None)
    assert place.provider.offers() == [offer]


def test_a_second_up_takes_over_what_the_first_has(place: Place) -> None:
    assert place.up().node_id == place.up().node_id


def test_a_machine_is_lent_once(place: Place, tmp_path: Path) -> None:
    place.up()
    place.ledger = Ledger(tmp_path / "another checkout")
    with pytest.raises(CapacityError, match="none to be had now"):
        place.up()
    assert len(place.provider.nodes()) == 1


def test_a_machine_that_cannot_be_set_up_is_free_again(place: Place, tmp_path: Path) -> None:
    place.set_up = "echo no such module >&2; exit 3"
    with pytest.raises(CloudError, match=r"ended with 3: no such module"):
        place.up()
    assert (tmp_path / "ended").exists()
    assert (place.provider.nodes(), place.ledger.open(place.stack)) == ([], [])


def test_the_reaper_ends_a_lease_whose_time_is_over_and_a_hold_puts_it_off(place: Place, tmp_path: Path) -> None:
    launch = place.up()
    until = launch.expires_at + 3600
    place.provider.rename(f"box/{launch.launch_id}", held_name(place.stack, until, "demo"))
    place.clock.sleep(CHOICE.ttl + 60)
    nobody = Ledger(tmp_path / "nobody")
    assert [verdict.action for verdict in sweep(place.provider, nobody).verdicts] == ["keep"]
    place.clock.sleep(3600)
    assert [verdict.action for verdict in sweep(place.provider, nobody).verdicts] == ["end"]
    assert place.provider.nodes() == []


def test_an_end_that_fails_leaves_the_lease_to_be_ended_again(place: Place, tmp_path: Path) -> None:
    place = Place(tmp_path, end=("test", "-e", str(tmp_path / "may end")))
    launch = place.up()
    place.clock.sleep(CHOICE.ttl)
    failed = sweep(place.provider, place.ledger)
    assert list(failed.failures) == [launch.node_id]
    assert len(place.provider.nodes()) == 1
    (tmp_path / "may end").touch()
    assert sweep(place.provider, place.ledger).failures == {}
    assert place.provider.nodes() == []


def test_what_would_start_the_stack_again_is_disabled_before_it_is_stopped(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("systemctl", "docker"):
        tool = tmp_path / "bin" / name
        tool.parent.mkdir(exist_ok=True)
        tool.write_text(f'#!/bin/sh\necho {name} "$@" >>{tmp_path}/told\necho c1\n')
        tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    place.up()
    release(place.provider, place.ledger, place.stack, lambda _: None)
    told = [line for line in (tmp_path / "told").read_text().splitlines() if "guard" not in line]
    assert told == [
        f"systemctl disable --now trivet-{place.stack}.watchdog.service",
        f"systemctl disable --now --no-block trivet-{place.stack}.service",
        f"docker ps --quiet --filter label=com.docker.compose.project=trivet-{place.stack}",
        "docker stop --time 35 c1",
    ]


def test_ending_what_is_over_ends_nothing_of_its_successor(place: Place) -> None:
    old = place.up().node_id
    assert old is not None
    place.provider.end([old])
    new = place.up().node_id
    place.provider.end([old, "another/0123456789abcdef"])
    assert [node.id for node in place.provider.nodes()] == [new]
    with pytest.raises(CloudError, match="is gone"):
        place.provider.rename(old, "x")


def test_a_file_that_is_no_lease_is_said_with_its_place(place: Place) -> None:
    place.state.mkdir()
    (place.state / "lease.json").write_text("{}")
    with pytest.raises(CloudError, match=r"lease\.json"):
        place.provider.node("box/0123456789abcdef")
    assert place.provider.offers() == []


def test_a_machine_that_cannot_be_reached_is_not_offered_and_only_where_it_loses_its_power_is_it_ended(
    place: Place,
) -> None:
    @contextlib.contextmanager
    def over_ssh(machine: Machine) -> Iterator[Host]:
        host = SshHost(machine.target)
        try:
            yield host
        finally:
            host.close()

    away = OwnNodes([place.machine], over_ssh)
    assert (away.offers(), away.nodes()) == ([], [])
    with pytest.raises(CloudError) as refused:
        away.node("box/0123456789abcdef")
    assert refused.value.code == "unreachable"
    off = place.machine.model_copy(update={"off_when_ended": True})
    assert OwnNodes([off], over_ssh).node("box/0123456789abcdef") is None


def test_its_watchdog_ends_the_lease_of_an_idle_machine_with_nobody_else_alive(place: Place, tmp_path: Path) -> None:
    launch = place.up()
    account = MachineAccount(Path(place.machine.lease_file), Path(place.machine.end_program))
    assert account.look() == Standing(f"trivet {place.stack}", "active")

    def sleep(seconds: float) -> None:
        place.clock.sleep(seconds)
        if not place.provider.nodes():
            raise InterruptedError

    node = Surroundings(
        scrape=lambda: Reading(0, {}),
        account=account,
        drain_file=tmp_path / "draining",
        uptime=place.clock.monotonic,
        now=place.clock.now,
        sleep=sleep,
        say=lambda _: None,
        alive=lambda: None,
    )
    with pytest.raises(InterruptedError):
        guard(Watchdog(launch.charter, Terms(window=600)), node)
    assert place.clock.monotonic() < 700
    assert (tmp_path / "ended").exists()


@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_a_lease_that_cannot_be_read_is_an_error_that_the_guard_survives(tmp_path: Path, text: str) -> None:
    (tmp_path / "lease").write_text(text)
    with pytest.raises(ValueError, match=r"\w"):
        MachineAccount(tmp_path / "lease", tmp_path / "end").look()
    with pytest.raises(OSError, match=r"\w"):
        MachineAccount(tmp_path / "lease", tmp_path / "end").end()


def test_an_end_program_that_fails_is_an_error_that_the_guard_survives() -> None:
    with pytest.raises(OSError, match="ended with 1"):
        MachineAccount(Path("x"), Path("/bin/false")).end()
