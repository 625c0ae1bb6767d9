"""The variables of the Ansible roles: golden for each case, and the rules that they follow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.unit.examples import ROOT
from tests.unit.render.cases import cases
from trivet.errors import SpecError
from trivet.render.ansible import render_setup
from trivet.spec import LockedArtifact, Settings, parse_settings

CASES = sorted((ROOT / "tests" / "cases" / "ansible").glob("*.yaml"))
PORT = 8080


def given(**more: Any) -> Settings:
    tree = {"region": "za-office", "target": "ssh", "host": {"address": "gpu1"}, "workstation": {}, **more}
    return parse_settings(
        "onprem", {key: value if isinstance(value, str) else json.dumps(value) for key, value in tree.items()}
    )


def tunnel(*peers_at: str, key: str = f"{'A' * 43}=", **more: Any) -> dict[str, Any]:
    """A tunnel with a peer at each of these addresses, all with one key."""
    peers = [{"name": f"p{at}", "publicKey": key, "address": address} for at, address in enumerate(peers_at)]
    listed = peers or [{"name": "p", "publicKey": key, "address": "10.88.0.2"}]
    return {"address": "10.88.0.1/24", "peers": listed, **more}


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
            "gpuPartition": {},
        }
    )
    known = {"workstation_roles", "workstation_packages"}
    for role in everything["workstation_roles"]:
        file = ROOT / "ansible" / "roles" / role / "meta" / "argument_specs.yml"
        known |= YAML(typ="safe", pure=True).load(file.read_text())["argument_specs"]["main"]["options"].keys()
    assert everything.keys() <= known


def test_defaults_are_the_roles_own() -> None:
    found = variables(
        workstation={
            "access": {"name": "gpu1"},
            "backup": {"repository": "/var/backups/trivet"},
            "power": {},
            "gpuPartition": {},
        }
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


def test_models_that_need_a_card_are_told_to_the_role_that_gives_them_one() -> None:
    case = cases()["gpu"]
    setup = render_setup(given(workstation={"gpuPartition": {}}), port=PORT, spec=case.stack)
    assert setup is not None
    models = setup.variables["gpu_partition_models"]
    assert models
    assert {each["name"]: each["memory_mib"] for each in models} == {
        model.name: model.gpu_memory_mib for model in case.stack.models if model.gpu_memory_mib
    }
    assert all(each["width"] >= 1 for each in models)


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
        ({"workstation": {"access": {"name": "gpu1", "wireguard": tunnel()}}}, "one of name and wireguard"),
        ({"workstation": {"access": {"wireguard": tunnel()}}}, "set bind to 10.88.0.1"),
        ({"workstation": {"access": {"wireguard": tunnel(address="10.88.0.1")}}}, "room for peers"),
        ({"workstation": {"access": {"wireguard": tunnel(address="10.88.0.1/33")}}}, "length of its network"),
        ({"workstation": {"access": {"wireguard": tunnel(peers=[])}}}, "peers"),
        ({"workstation": {"access": {"wireguard": tunnel("10.89.0.2")}}}, "addresses of 10.88.0.0/24"),
        ({"workstation": {"access": {"wireguard": tunnel("10.88.0.1")}}}, "other than 10.88.0.1"),
        ({"workstation": {"access": {"wireguard": tunnel("10.88.0.300")}}}, "IPv4 address"),
        ({"workstation": {"access": {"wireguard": tunnel("10.88.0.2", "10.88.0.3")}}}, "a key of its own"),
        ({"workstation": {"access": {"wireguard": tunnel("10.88.0.2", key="secret")}}}, "publicKey"),
        ({"workstation": {"gpu": {}}}, "gpu"),
    ],
)
def test_settings_that_break_a_rule_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        given(**settings)


def test_a_workstation_is_a_host_over_ssh() -> None:
    with pytest.raises(SpecError, match="workstation is for target ssh"):
        parse_settings("onprem", {"region": "x", "workstation": "{}"})


def test_the_bundles_packages_are_asked_for_by_digest_where_they_are_wanted() -> None:
    case = cases()["plain"]
    digest = case.lock.images["gateway"].manifest
    artifact = LockedArtifact(manifest=digest, size=1, inputs=digest)
    lock = case.lock.model_copy(
        update={"artifacts": {"debian/trixie-workstation": artifact, "wheels/trixie": artifact}}
    )
    setup = render_setup(given(workstation={"packages": "bundle"}), port=PORT, lock=lock)
    assert setup is not None
    assert setup.packages is not None
    assert setup.packages.manifests == {"trixie": digest}
    assert setup.variables["workstation_packages"] == "/var/lib/trivet-packages"
    with pytest.raises(SpecError, match="trivet build --host trixie"):
        render_setup(given(workstation={"packages": "bundle"}), port=PORT, lock=case.lock)


@pytest.mark.parametrize(
    ("access", "is_own"),
    [
        ({"access": {}}, True),
        ({"access": {"certificate": "acme"}}, False),
        ({"access": {"wireguard": tunnel()}}, False),
        ({}, False),
    ],
)
def test_clients_need_the_certificate_of_a_host_that_is_its_own_authority_and_of_no_other(
    access: dict[str, Any], is_own: bool
) -> None:
    setup = render_setup(
        given(workstation=access, bind="10.88.0.1" if "wireguard" in str(access) else "127.0.0.1"), port=PORT
    )
    assert setup is not None
    assert (setup.authority_file is not None) == is_own


def test_what_a_role_leaves_unset_keeps_its_own_specification() -> None:
    """An empty dictionary lacks what its options require; null is not looked into."""
    yaml = YAML(typ="safe", pure=True)
    for role in (ROOT / "ansible" / "roles").iterdir():
        options = yaml.load((role / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
        defaults = yaml.load((role / "defaults" / "main.yml").read_text())
        for name, option in options.items():
            if option["type"] == "dict" and any(each.get("required") for each in option.get("options", {}).values()):
                assert defaults[name] is None, name
                assert "default" not in option, name
