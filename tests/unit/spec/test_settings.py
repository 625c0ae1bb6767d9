"""Settings: where the stack runs, checked like the spec."""

from __future__ import annotations

import pytest

from trivet.errors import SpecError
from trivet.render.ansible import render_setup
from trivet.spec import parse_settings

REGION = {"region": "za-office"}


def test_the_tier_is_the_stack_s_name() -> None:
    assert parse_settings("onprem", REGION).tier == "onprem"


def test_the_key_tier_stands_over_the_name() -> None:
    assert parse_settings("clinic-7", {**REGION, "tier": "onprem"}).tier == "onprem"


def test_a_stack_whose_name_is_no_tier_needs_the_key() -> None:
    with pytest.raises(SpecError, match="pulumi config set tier"):
        parse_settings("clinic-7", REGION)


def test_numbers_and_booleans_come_as_text() -> None:
    settings = parse_settings("onprem", {**REGION, "port": "9000", "retain": "true"})
    assert (settings.port, settings.retain) == (9000, True)


def test_an_unknown_key_is_refused_with_the_one_that_was_meant() -> None:
    with pytest.raises(SpecError, match=r"did you mean region\?"):
        parse_settings("onprem", {"regoin": "za-office"})


@pytest.mark.parametrize("bind", ["localhost", "10.0.0.256", ""])
def test_bind_is_an_address(bind: str) -> None:
    with pytest.raises(SpecError, match="IP address"):
        parse_settings("onprem", {**REGION, "bind": bind})


@pytest.mark.parametrize("country", ["South Africa", "za"])
def test_a_country_is_a_code(country: str) -> None:
    with pytest.raises(SpecError, match="country"):
        parse_settings("onprem", {**REGION, "country": country})


HOST = '{"address": "gpu1.example.org", "port": 2222, "jump": [{"address": "10.0.0.1", "user": "relay"}]}'


def test_a_host_over_ssh_comes_as_an_object() -> None:
    settings = parse_settings("onprem", {**REGION, "target": "ssh", "host": HOST})
    assert settings.host is not None
    assert (settings.host.known_as, settings.host.jump[0].known_as) == ("[gpu1.example.org]:2222", "10.0.0.1")
    assert settings.host.sudo is False


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"target": "ssh"}, r"host\.address ADDRESS"),
        ({"host": HOST}, "host is for target ssh"),
        ({"target": "ssh", "host": '{"address": "-oProxyCommand=id"}'}, "address"),
        ({"target": "ssh", "host": '{"address": "a b"}'}, "address"),
        ({"target": "ssh", "host": '{"address": "a", "user": "-l"}'}, "user"),
        ({"target": "ssh", "host": '{"address": "a", "keyfile": "x"}'}, r"did you mean keyFile\?"),
        ({"target": "ssh", "host": HOST, "root": "relative"}, "root"),
        ({"target": "ssh", "host": HOST, "root": "/srv/../etc"}, "root"),
        ({"target": "ssh", "host": HOST, "root": "/"}, "root"),
    ],
)
def test_a_host_that_cannot_be_is_refused(given: dict[str, str], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        parse_settings("onprem", {**REGION, **given})


def test_a_default_that_breaks_a_rule_is_said_to_be_missing() -> None:
    with pytest.raises(SpecError, match="target = nothing"):
        parse_settings("gpuaas", REGION)


FLEET = {"target": "ssh", "hosts": '[{"address": "gpu1"}, {"address": "gpu2", "port": 2222}, {"address": "fd00::1"}]'}


def test_several_hosts_come_as_a_list_and_each_has_settings_of_its_own() -> None:
    settings = parse_settings("onprem", {**REGION, **FLEET, "maxUnavailable": "2"})
    assert [each.host.resource_name for each in settings.each_host if each.host] == ["gpu1", "gpu2-2222", "fd00--1"]
    assert {each.max_unavailable for each in settings.each_host} == {2}


def test_one_host_has_the_settings_themselves() -> None:
    settings = parse_settings("onprem", {**REGION, "target": "ssh", "host": HOST})
    assert settings.each_host == (settings,)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"host": HOST}, "in the place of host"),
        ({"target": "local"}, "in the place of host"),
        ({"hosts": '[{"address": "a"}, {"address": "a"}]'}, "a stands twice"),
        ({"hosts": '["a"]'}, "hosts"),
        ({"hosts": "a, b"}, "hosts"),
        ({"bind": "10.0.0.7"}, r"0\.0\.0\.0"),
        ({"maxUnavailable": "0"}, "maxUnavailable"),
        ({"hosts": "[]", "host": HOST, "maxUnavailable": "2"}, "maxUnavailable is for hosts"),
        ({"workstation": '{"access": {"name": "ai.example.org"}}'}, "goes by its own address"),
    ],
)
def test_hosts_that_cannot_have_the_same_are_refused(given: dict[str, str], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        parse_settings("onprem", {**REGION, **FLEET, **given})


def test_a_public_face_without_a_name_goes_by_each_host_s_address() -> None:
    settings = parse_settings("onprem", {**REGION, **FLEET, "workstation": '{"access": {"port": 8443}}'})
    names = [render_setup(each, port=8080) for each in settings.each_host]
    assert [each.variables["access_name"] for each in names if each] == ["gpu1", "gpu2", "[fd00::1]"]
