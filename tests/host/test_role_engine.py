"""The role `engine`, on a bare host."""

from __future__ import annotations

import json

import pytest

from tests.host.conftest import Pinned, SetUp
from tests.host.playing import inside, is_open, play
from tools.lab.image import PASSWORD
from tools.lab.workstation import Workstation
from trivet.errors import HostError

DAEMON = "/etc/docker/daemon.json"


def test_docker_runs_with_compose_and_the_settings(set_up: SetUp) -> None:
    host = inside(set_up.host)
    assert host.check_output("docker compose version --short").startswith("2.")
    info = json.loads(host.check_output("docker info --format '{{json .}}'"))
    assert (info["LiveRestoreEnabled"], info["LoggingDriver"], info["DockerRootDir"]) == (
        True,
        "json-file",
        "/var/lib/docker",
    )
    assert info["DefaultAddressPools"] == [{"Base": "172.30.0.0/16", "Size": 24}]
    assert all(host.service(unit).is_running and host.service(unit).is_enabled for unit in ("docker", "containerd"))
    assert host.file(DAEMON).mode == 0o644
    assert not is_open(set_up.host.address, 2375)


def test_a_preview_names_what_then_happens(set_up: SetUp) -> None:
    named = {"engine: Install docker.io, docker-cli, docker-compose, iptables", "engine: Restart the engine"}
    assert named <= set_up.preview.changes.keys()
    assert named <= set_up.outcome.changes.keys()
    assert set_up.outcome.changes.keys() - set_up.preview.changes.keys() == set()


def test_a_second_run_changes_nothing(set_up: SetUp) -> None:
    assert play(set_up.target, "engine", "hardening").changes == {}


def test_drift_is_named_task_by_task_and_repaired(set_up: SetUp) -> None:
    set_up.host.sh(f"sed -i s/10m/99m/ {DAEMON}; systemctl disable --now containerd.service docker.service")
    drift = play(set_up.target, "engine", check=True).changes
    assert set(drift) == {
        "engine: Set log limits, data root, address pools and live restore",
        "engine: Restart the engine",
        "engine: Have the units run, now and after a boot (docker.service)",
        "engine: Have the units run, now and after a boot (containerd.service)",
    }
    assert '- "max-size": "99m"' in drift["engine: Set log limits, data root, address pools and live restore"]
    assert "99m" in set_up.host.sh(f"cat {DAEMON}"), "a preview changes nothing"
    play(set_up.target, "engine")
    assert play(set_up.target, "engine", check=True).changes == {}
    assert inside(set_up.host).service("docker").is_running


def test_a_value_of_the_wrong_kind_is_refused_before_anything_changes(set_up: SetUp) -> None:
    with pytest.raises(HostError, match="engine_log_files"):
        play(set_up.target, "engine", engine_log_files="many")
    assert play(set_up.target, "engine", check=True).changes == {}


def test_an_engine_that_is_there_is_kept_and_sudo_asks_for_its_password(
    workstation: Workstation, pinned: Pinned
) -> None:
    target = pinned(workstation, sudo=True)
    named = play(target, "engine", check=True, password=PASSWORD).changes
    assert not [name for name in named if "Install" in name]
    assert "engine: Set log limits, data root, address pools and live restore" in named
    with pytest.raises(HostError, match="sudo password"):
        play(target, "engine", check=True, password="wrong")
