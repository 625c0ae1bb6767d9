"""A machine of one's own, lent over SSH: its watchdog ends the lease when it is idle, and without one a reaper does."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.host.conftest import Pinned
from tools.lab.workstation import Workstation
from trivet.drivers.host import Host
from trivet.drivers.own_node import Machine, OwnNodes
from trivet.drivers.rented import Choice, Ledger, Wish, acquire
from trivet.drivers.rented.access import Access
from trivet.drivers.rented.bill import Budget
from trivet.drivers.rented.guard_files import guard_files
from trivet.drivers.rented.sweep import sweep
from trivet.drivers.ssh import SshHost
from trivet.idle.charter import Charter
from trivet.idle.watchdog import Terms
from trivet.render.cloud_init import NodeSetup, Way, cloud_init

METRICS = "systemd-run --unit=metrics --working-directory=/run/metrics python3 -m http.server --bind 127.0.0.1 9100"
SERVE = "mkdir -p /run/metrics && printf 'trivet_gateway_in_flight 0\\n' >/run/metrics/metrics && " + METRICS


@contextlib.contextmanager
def connect(machine: Machine) -> Iterator[Host]:
    host = SshHost(machine.target)
    try:
        yield host
    finally:
        host.close()


def until(holds: Callable[[], bool], seconds: float = 40) -> None:
    patience = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < patience
        time.sleep(0.5)


def test_a_lent_machine_ends_its_lease_by_itself_and_a_reaper_that_of_a_broken_one(
    workstation: Workstation, pinned: Pinned, tmp_path: Path
) -> None:
    target = pinned(workstation, user="root")
    machine = Machine(name="box", target=target, region="za-office", end=("touch", "/run/lease-ended"))
    provider, ledger = OwnNodes([machine], connect), Ledger(tmp_path / "rented")
    access = Access(tmp_path / "ssh")
    way = Way("machine", {"leaseFile": machine.lease_file, "endProgram": machine.end_program})

    def wish(window: int, ttl: int) -> Wish:
        def user_data(charter: Charter) -> str:
            terms = Terms(window=window, poll=1)
            sources = ("http://127.0.0.1:9100/metrics",)
            return cloud_init(NodeSetup(charter, terms, guard_files(), sources, "/run/draining", access.host_key, way))

        choice = Choice(("box",), ("za-office",), ttl, Budget(100))
        return Wish("own", choice, ttl, access.label("own"), access.public_key, (), user_data)

    workstation.sh(SERVE)
    try:
        acquire(provider, ledger, wish(window=3, ttl=3600), print)
        assert workstation.sh("systemctl is-active trivet-guard").strip() == "active"
        assert provider.offers() == []
        until(lambda: provider.nodes() == [])
        workstation.sh("test -e /run/lease-ended && rm /run/lease-ended")
        until(lambda: "inactive" in workstation.sh("systemctl is-active trivet-guard || :"))

        launch = acquire(provider, ledger, wish(window=3600, ttl=20), print)
        assert launch.launch_id in provider.nodes()[0].id
        workstation.sh("systemctl kill --signal=KILL trivet-guard; systemctl mask --runtime --now trivet-guard")
        until(lambda: sweep(provider, Ledger(tmp_path / "nobody")).verdicts[0].action == "end")
        assert provider.nodes() == []
        assert [offer.kind for offer in provider.offers()] == ["box"]
    finally:
        workstation.sh("systemctl unmask trivet-guard; systemctl stop metrics trivet-guard || :")
        workstation.sh("rm -rf /run/lease-ended /run/metrics /run/draining /var/lib/trivet-lease /opt/trivet/guard")
        workstation.sh("rm -f /etc/trivet/guard.* /etc/systemd/system/trivet-guard.service; systemctl daemon-reload")
