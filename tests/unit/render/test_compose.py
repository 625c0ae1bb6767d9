"""Rules that hold for every service, and what a change touches."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tests.unit.examples import settings, spec_with
from tests.unit.render.cases import Case, cases, digest, lock_for
from trivet.render import Installation, render
from trivet.render.compose import DEFINITION, compose_file
from trivet.render.runtime import argv
from trivet.spec.digest import json_digest

CASES = cases()


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def services(request: pytest.FixtureRequest) -> dict[str, dict[str, Any]]:
    case: Case = request.param
    return case.installation.services


def rendered(changes: dict[str, Any], **place: Any) -> Installation:
    spec = spec_with(changes)
    return render(spec, lock_for(spec), settings(**place), stack="onprem")


def test_every_service_is_confined(services: dict[str, dict[str, Any]]) -> None:
    for service in services.values():
        assert service["user"] == "65532:65532"
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["memswap_limit"] == service["mem_limit"]
        assert {"cpus", "pids_limit", "healthcheck", "logging", "restart"} <= service.keys()
        assert service["pull_policy"] == "never"
        assert "privileged" not in service
        assert "cap_add" not in service


def test_only_the_gateway_is_published_and_reaches_beyond_the_models(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        is_gateway = name == "gateway"
        assert ("ports" in service) == is_gateway
        assert service["networks"] == (["edge", "models"] if is_gateway else ["models"])


def test_what_is_mounted_from_the_host_cannot_be_written(services: dict[str, dict[str, Any]]) -> None:
    binds = [mount for service in services.values() for mount in service["volumes"] if mount["type"] == "bind"]
    assert binds
    assert all(mount["read_only"] and not mount["bind"]["create_host_path"] for mount in binds)


def test_a_container_carries_the_digest_of_its_definition(services: dict[str, dict[str, Any]]) -> None:
    for service in services.values():
        rest = {key: value for key, value in service.items() if key != "labels"}
        assert service["labels"] == {DEFINITION: json_digest(rest)}


def test_the_gateway_waits_for_every_model(services: dict[str, dict[str, Any]]) -> None:
    assert services["gateway"]["depends_on"].keys() == services.keys() - {"gateway"}


def test_the_models_network_has_no_way_out() -> None:
    assert rendered({}).networks["models"] == {"internal": True}


@pytest.mark.parametrize(("frontier", "masquerade"), [(False, "false"), (True, "true")])
def test_the_gateway_reaches_outside_only_where_a_frontier_is_listed(*, frontier: bool, masquerade: str) -> None:
    outside = {"url": "https://api.example/v1", "model": "m", "country": "DE", "dataClasses": ["public"]}
    networks = rendered({"gateway": {"frontier": outside}} if frontier else {}).networks
    assert networks["edge"] == {"driver_opts": {"com.docker.network.bridge.enable_ip_masquerade": masquerade}}


def test_one_changed_argument_changes_one_service() -> None:
    models = models_with({"threads": 7})
    before, after = rendered({}).services, rendered({"models": models}).services
    changed = [name for name in before if before[name] != after[name]]
    assert changed == [f"model-{models[0]['name']}"]
    assert after[changed[0]]["command"]["--threads"] == "7"


def test_new_weights_change_one_service() -> None:
    spec = spec_with({})
    first = spec.models[0].name
    lock = lock_for(spec)
    file = lock.models[first].files[0].model_copy(update={"digest": digest("other")})
    other = lock.model_copy(
        update={"models": {**lock.models, first: lock.models[first].model_copy(update={"files": (file,)})}}
    )
    before = render(spec, lock, settings(), stack="onprem").services
    after = render(spec, other, settings(), stack="onprem").services
    assert [name for name in before if before[name] != after[name]] == [f"model-{first}"]


def test_the_port_of_the_settings_wins_over_the_specs() -> None:
    assert rendered({"gateway": {"port": 1111}}).services["gateway"]["ports"][0]["published"] == "1111"
    assert rendered({"gateway": {"port": 1111}}, port=2222).services["gateway"]["ports"][0]["published"] == "2222"


@given(st.dictionaries(st.from_regex(r"--[a-z]{1,9}", fullmatch=True), st.text() | st.just(True), max_size=4))
@example({"--template": "$HOME ${USER}"})
@example({"--flash-attn": "on", "--seed": "0777", "--port": "1e3", "--name": "null", "--text": "a\n# b: 'c\"\u2028\t"})
def test_every_word_reaches_the_container_as_it_is(command: dict[str, Any]) -> None:
    text = compose_file("trivet-x", {"a": {"image": "i", "command": command}}, {}, {})
    words = YAML(typ="safe", pure=True).load(text)["services"]["a"]["command"]
    assert [word.replace("$$", "$") for word in words] == argv(command)


def test_the_order_of_keys_does_not_matter() -> None:
    each = rendered({})
    services = {name: dict(reversed(service.items())) for name, service in reversed(each.services.items())}
    assert compose_file("x", services, each.networks, {}) == compose_file("x", each.services, each.networks, {})


def models_with(arguments: dict[str, Any]) -> list[dict[str, Any]]:
    models = [model.model_dump(mode="json", by_alias=True, exclude_defaults=True) for model in spec_with({}).models]
    models[0]["arguments"] = arguments
    return models


def test_where_cards_are_partitioned_a_model_asks_for_its_own_and_elsewhere_for_all() -> None:
    case = CASES["gpu"]
    place = {"target": "ssh", "host": {"address": "gpu1"}}
    for roles, asked in (({}, {"nvidia"}), ({"gpu_partition": {}}, {"cdi"})):
        chosen = settings(**place, workstation=roles)
        services = render(case.stack, case.lock, chosen, stack="onprem").services
        devices = {
            name: service["deploy"]["resources"]["reservations"]["devices"][0]
            for name, service in services.items()
            if "deploy" in service
        }
        assert {each["driver"] for each in devices.values()} == asked
        if roles:
            assert {name: each["device_ids"] for name, each in devices.items()} == {
                name: [f"trivet.dev/gpu={name.removeprefix('model-')}"] for name in devices
            }
