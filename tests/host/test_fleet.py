"""Several hosts with the same stack: one after the other, no further than the first that fails.

`TRIVET_FLEET` says how many; each takes a gigabyte of memory and much of a core.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.host.conftest import CACHE, lab
from tests.host.fleet import Fleet, unreachable
from tests.program.stack import deployed, eventually
from tools.lab.workstation import boot
from trivet.errors import EngineError

HOSTS = int(os.environ.get("TRIVET_FLEET", "3"))
FAILING = HOSTS // 2


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    key = tmp_path_factory.mktemp("key")
    with lab() as label:
        hosts = boot(HOSTS, variant="workstation", label=label, state=key, cache=CACHE, say=print)
        with deployed(Fleet(tmp_path_factory.mktemp("fleet"), hosts, max_unavailable=HOSTS)) as stack:
            yield stack


def trivet(fleet: Fleet, *args: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "trivet.cli", *args]
    return subprocess.run(argv, cwd=fleet.project, env=fleet.env, capture_output=True, text=True, check=False)


def states(fleet: Fleet) -> list[str]:
    listed = json.loads(trivet(fleet, "host", "list", "--stack", fleet.name, "--json").stdout)["hosts"]
    return [each["state"] for each in listed.values()]


def has_begun(fleet: Fleet, before: dict[str, tuple[str, str]]) -> bool:
    """Whether the first host is not what it was."""
    fleet.workstation = fleet.hosts[0]
    try:
        return fleet.started() != before
    except EngineError:
        return True  # a container went while we looked at it


def test_each_host_has_the_stack_and_conforms_with_one_key(fleet: Fleet) -> None:
    report = fleet.outputs["hosts"]
    assert [report[host.address]["state"] for host in fleet.hosts] == ["ready"] * HOSTS
    urls = [report[host.address]["url"] for host in fleet.hosts]
    assert urls == [f"http://{host.address}:{fleet.port}/v1" for host in fleet.hosts]
    named = [word for url in urls for word in ("--url", url)]
    only = ["--only", "identity", "api", "embeddings"]
    done = trivet(fleet, "verify", *named, "--key-file", fleet.outputs["keyFile"], "--spec", "inference.yaml", *only)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("conforms") == HOSTS


def test_a_second_up_changes_nothing_on_any_host(fleet: Fleet) -> None:
    before = fleet.everywhere()
    fleet.up("--expect-no-changes")
    assert fleet.everywhere() == before


def test_a_host_that_is_lost_half_way_stops_it_there_and_the_next_up_goes_on(fleet: Fleet) -> None:
    before, changed = fleet.everywhere(), fleet.outputs["hosts"]
    fleet.settings["maxUnavailable"] = 1
    fleet.spec["gateway"]["teams"][0]["quota"]["requestsPerMinute"] += 1
    fleet.write()
    lost, *behind = fleet.hosts[FAILING:]
    argv = ["pulumi", "up", "--yes", "--skip-preview", "--non-interactive"]
    with subprocess.Popen(
        argv, cwd=fleet.project, env=fleet.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as up:
        eventually(lambda: has_begun(fleet, before[0]), seconds=240)
        with unreachable(lost):
            began = time.monotonic()
            said, _ = up.communicate(timeout=300)
            took = time.monotonic() - began
    assert up.returncode != 0
    assert f"error: {lost.address}: timed out" in said
    assert took < 180, "an unreachable host is given up in bounded time"
    after = fleet.everywhere()
    assert [one != other for one, other in zip(before, after, strict=True)] == [True] * FAILING + [False] * (
        HOSTS - FAILING
    )

    fleet.up()
    final = fleet.everywhere()
    assert final[:FAILING] == after[:FAILING], "those that were done are left alone"
    assert [one != other for one, other in zip(after, final, strict=True)][FAILING:] == [True] * (1 + len(behind))
    assert states(fleet) == ["ready"] * HOSTS
    since = fleet.outputs["hosts"]
    times = [since[host.address]["changed"] for host in fleet.hosts]
    assert times == sorted(times)
    assert times[0] > changed[lost.address]["changed"]


def test_a_host_that_leaves_is_cleared_and_takes_no_key_along(fleet: Fleet) -> None:
    *staying, leaving = fleet.hosts
    key = fleet.key
    whole = list(fleet.settings["hosts"])
    fleet.settings["hosts"] = whole[:-1]
    fleet.write()
    fleet.up()
    fleet.workstation = leaving
    assert fleet.containers() == {}
    assert (fleet.key, fleet.outputs["hosts"].keys()) == (key, {host.address for host in staying})
    assert trivet(fleet, "verify", "--url", fleet.url, "--key-file", str(fleet.key_file)).returncode == 2
    assert states(fleet) == ["ready"] * len(staying)
    fleet.settings["hosts"] = whole
    fleet.write()


def test_the_only_host_becomes_the_first_of_several_and_is_not_touched(fleet: Fleet) -> None:
    whole, before = list(fleet.settings["hosts"]), fleet.everywhere()[0]
    try:
        del fleet.settings["hosts"], fleet.settings["maxUnavailable"]
        fleet.settings["host"] = whole[0]
        fleet.write()
        fleet.up()
        assert (fleet.everywhere()[0], fleet.everywhere()[1]) == (before, {})
    finally:
        fleet.settings.pop("host")
        fleet.settings |= {"hosts": whole[:2], "maxUnavailable": 2}
        fleet.write()
    fleet.up()
    assert fleet.everywhere()[0] == before
    assert fleet.everywhere()[1]
