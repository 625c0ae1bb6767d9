"""The variables of the Ansible roles: golden for each case, and the rules that they follow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.unit.examples import ROOT
from trivet.errors import SpecError
from trivet.render.ansible import render_setup
from trivet.spec import Settings, parse_settings

CASES = sorted((ROOT / "tests" / "cases" / "ansible").glob("*.yaml"))
PORT = 8080


def given(**more: Any) -> Settings:
    tree = {"region": "za-office", "target": "ssh", "host": {"address": "gpu1"}, "workstation": {}, **more}
    return parse_settings(
        "onprem", {key: value if isinstance(value, str) else json.dumps(value) for key, value in tree.items()}
    )


def variables(**more: Any) -> dict[str, Any]:
    setup = render_setup(given(**more), port=PORT)
    assert setup is not None
    return setup.variables


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_golden(path: Path) -> None:
    case = YAML(typ="safe", pure=True).load(path.read_text())
    assert variables(**case["settings"]) == case["variables"]


def test_there_are_cases() -> None:
    assert len(CASES) >= 2


def test_every_variable_is_one_that_its_role_knows() -> None:
    everything = variables(
        workstation={
            "backup": {"repository": "/srv/b"},
            "access": {"name": "gpu1"},
            "hardening": {"rebootAt": "04:00"},
            "power": {"ups": {"driver": "usbhid-ups"}},
        }
    )
    known = {"workstation_roles"}
    for role in everything["workstation_roles"]:
        file = ROOT / "ansible" / "roles" / role / "meta" / "argument_specs.yml"
        known |= YAML(typ="safe", pure=True).load(file.read_text())["argument_specs"]["main"]["options"].keys()
    assert everything.keys() <= known


def test_defaults_are_the_roles_own() -> None:
    found = variables(
        workstation={"access": {"name": "gpu1"}, "backup": {"repository": "/var/backups/trivet"}, "power": {}}
    )
    for role in found["workstation_roles"]:
        defaults = YAML(typ="safe", pure=True).load(
            (ROOT / "ansible" / "roles" / role / "defaults" / "main.yml").read_text()
        )
        rendered = {"hardening_root_login", "hardening_open_ports", "backup_paths", "access_name"}
        assert {key: value for key, value in found.items() if key in defaults.keys() - rendered} == {
            key: value for key, value in defaults.items() if key in found.keys() - rendered
        }


def test_the_doors_we_come_in_by_stay_open() -> None:
    found = variables(host={"address": "gpu1", "port": 2222, "user": "root"}, bind="192.0.2.7")
    assert (found["hardening_ssh_port"], found["hardening_root_login"]) == (2222, True)
    assert found["hardening_open_ports"] == [PORT]


def test_a_gateway_on_the_loopback_address_opens_nothing() -> None:
    found = variables(host={"address": "gpu1", "user": "ai"})
    assert (found["hardening_open_ports"], found["hardening_root_login"]) == ([], False)


def test_a_role_that_is_null_is_not_played() -> None:
    assert variables(workstation={"hardening": None, "nvidia": None})["workstation_roles"] == ["engine"]


def test_without_the_key_the_host_is_left_to_its_owner() -> None:
    settings = parse_settings("onprem", {"region": "x", "target": "ssh", "host": '{"address": "gpu1"}'})
    assert render_setup(settings, port=PORT) is None


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"workstation": {"engine": {"logSize": "10 MB"}}}, "logSize"),
        ({"workstation": {"engine": {"addressPools": [{"base": "172.30.0.1/16"}]}}}, "IPv4 network"),
        ({"workstation": {"engine": {"dataRoot": "/srv/$(id)"}}}, "dataRoot"),
        ({"workstation": {"hardening": {"openPorts": [70000]}}}, "openPorts"),
        ({"workstation": {"hardening": {"rebootAt": "25:00"}}}, "rebootAt"),
        ({"workstation": {"backup": {}}}, "repository"),
        ({"workstation": {"backup": {"repository": "relative"}}}, "repository"),
        ({"workstation": {"access": {"name": "Gpu 1"}}}, "name"),
        ({"workstation": {"access": {"name": "gpu1"}}, "bind": "192.0.2.7"}, "set bind to 127.0.0.1"),
        ({"workstation": {"power": {"ups": {}}}}, "driver"),
        ({"workstation": {"power": {"ups": {"driver": "usbhid-ups", "options": {"x": "a\nb"}}}}}, "options"),
        ({"workstation": {"power": {"drainSeconds": 601}}}, "drainSeconds"),
        ({"workstation": {"gpu": {}}}, "gpu"),
    ],
)
def test_settings_that_break_a_rule_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        given(**settings)


def test_a_workstation_is_a_host_over_ssh() -> None:
    with pytest.raises(SpecError, match="workstation is for target ssh"):
        parse_settings("onprem", {"region": "x", "workstation": "{}"})
