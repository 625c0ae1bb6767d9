"""A stack that systemd looks after: what hangs, what somebody changes, a loss of power, an update that goes wrong."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.host.conftest import CACHE, lab
from tests.host.stack import ROOT, RemoteStack
from tests.program.stack import eventually
from tools.lab.engine import docker
from tools.lab.workstation import Workstation, boot

MODEL = "model-trivet-tiny"
FOUND_SECONDS, BACK_SECONDS = 30, 60


@pytest.fixture(scope="module")
def workstation_of_its_own(lab_key: Path) -> Iterator[Workstation]:
    """It loses its power here, and keeps its address: on a network of its own."""
    with lab() as label:
        host = boot(1, variant="workstation", label=label, state=lab_key, cache=CACHE, say=print)[0]
        subnet = f"10.{random.randrange(100, 250)}.{random.randrange(250)}"
        docker("network", "create", "--subnet", f"{subnet}.0/29", label)
        try:
            docker("network", "connect", "--ip", f"{subnet}.2", label, host.name)
            yield replace(host, address=f"{subnet}.2")
        finally:
            docker("network", "disconnect", "--force", label, host.name)
            docker("network", "rm", label)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, workstation_of_its_own: Workstation) -> Iterator[RemoteStack]:
    deployed = RemoteStack(tmp_path_factory.mktemp("supervised"), workstation_of_its_own, as_root=True)
    deployed.up()
    yield deployed
    deployed.destroy()
    left = deployed.leftovers()
    deployed.wipe()
    assert not any(left.values()), left


def heartbeat(stack: RemoteStack) -> dict[str, Any]:
    text = stack.workstation.sh(f"cat /run/trivet/{stack.compose_project}/heartbeat.json")
    services: dict[str, Any] = json.loads(text)["services"]
    return services


def is_well(stack: RemoteStack) -> bool:
    return {each["verdict"] for each in heartbeat(stack).values()} == {"well"}


def images(stack: RemoteStack) -> dict[str, str]:
    return {name: each["Config"]["Labels"]["dev.trivet.definition"] for name, each in stack.containers().items()}


def test_a_model_server_that_stops_dead_is_found_and_back_in_time_and_no_other_is_touched(stack: RemoteStack) -> None:
    eventually(lambda: is_well(stack), seconds=60)
    before, began = stack.started(), time.monotonic()
    stack.workstation.sh(f"kill -STOP $(docker inspect --format '{{{{.State.Pid}}}}' {stack.container(MODEL)})")
    eventually(lambda: heartbeat(stack)[MODEL]["restarts"] == 1, seconds=60)
    found = time.monotonic() - began
    eventually(lambda: is_well(stack), seconds=60)
    back = time.monotonic() - began
    print(f"found after {found:.1f} s, back after {back:.1f} s")
    assert found <= FOUND_SECONDS
    assert back <= BACK_SECONDS
    changed = {name for name, run in stack.started().items() if run != before[name]}
    assert changed == {stack.container(MODEL)}


def test_units_that_somebody_changed_are_named_and_set_right(stack: RemoteStack) -> None:
    unit, dog = f"{stack.compose_project}.service", f"{stack.compose_project}.watchdog.service"
    stack.workstation.sh(
        f"systemctl stop {dog} && systemctl disable {unit} 2>&1 && echo '# edited' >>/etc/systemd/system/{dog}"
        f" && mkdir /etc/systemd/system/{unit}.d && echo '[Service]' >/etc/systemd/system/{unit}.d/mine.conf"
        f" && echo x >>{ROOT}/{stack.name}/supervise/watch.json && systemctl daemon-reload"
    )
    before, shown = stack.started(), " ".join(stack.preview().replace(":", " : ").split())
    for difference in (
        'enabled : "disabled" => "enabled"',
        'state : "inactive" => "active"',
        "mine.conf",
        "program",
        "file",
    ):
        assert difference in shown, difference
    stack.up()
    assert stack.started() == before
    stack.require_converged()
    assert stack.workstation.sh(f"systemctl is-active {unit} {dog}").split() == ["active", "active"]


def test_an_update_that_does_not_become_ready_is_taken_back_and_up_says_so(stack: RemoteStack) -> None:
    before = images(stack)
    good = json.loads(json.dumps(stack.spec))
    stack.spec["models"][0]["arguments"] = {"no-such-flag": True}  # the server ends at once, again and again
    stack.settings["waitSeconds"] = 20
    stack.write()
    said = " ".join(stack.up(fails=True).split())
    assert "the host went back to what ran before, which serves again" in said, said
    assert images(stack) == before
    assert {each["State"]["Health"]["Status"] for each in stack.containers().values()} == {"healthy"}
    stack.spec, stack.settings["waitSeconds"] = good, 120
    stack.write()
    stack.up()
    assert images(stack) == before
    stack.require_converged()


def test_after_an_update_that_was_ready_a_person_can_go_back_and_forth(stack: RemoteStack) -> None:
    old = images(stack)
    stack.spec["gateway"]["resources"] = {"cpus": 1, "memory": "300Mi"}
    stack.write()
    stack.up()
    new = images(stack)
    assert new != old
    command = [sys.executable, "-m", "trivet.cli", "host", "rollback", "--stack", stack.name]
    for expected in (old, new):
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=stack.project, env=stack.env)
        assert done.returncode == 0, done.stdout + done.stderr
        assert images(stack) == expected
    stack.require_converged()


def test_after_a_loss_of_power_in_the_middle_of_an_update_the_host_serves_what_was_ready(stack: RemoteStack) -> None:
    root, before = f"{ROOT}/{stack.name}", images(stack)
    stack.workstation.sh(
        f"mkdir -p {root}/previous && cp {root}/etc/gateway.json {root}/previous/gateway.json"
        f" && echo broken >{root}/compose.next.yaml && echo broken >{root}/etc/gateway.json && sync"
    )
    stack.workstation.kill()
    stack.workstation.start()
    eventually(lambda: stack.workstation.sh(f"ls {root}").find("compose.next.yaml") < 0, seconds=120)
    eventually(lambda: is_well(stack), seconds=120)
    assert images(stack) == before
    assert {each["State"]["Health"]["Status"] for each in stack.containers().values()} == {"healthy"}
    stack.require_converged()


def test_a_host_without_systemd_for_us_is_refused_and_nothing_is_changed(stack: RemoteStack) -> None:
    python = "/usr/bin/python3"
    stack.settings["waitSeconds"] = 121  # something to do
    stack.write()
    before = stack.started()
    stack.workstation.sh(f"chmod a-x $(readlink -f {python})")
    try:
        said = stack.up(fails=True)
    finally:
        stack.workstation.sh(f"chmod a+x $(readlink -f {python})")
    assert "not there: python3" in said
    assert stack.started() == before
    stack.up()
