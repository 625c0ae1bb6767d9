"""Settings of a stack on Azure, checked at the door."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trivet.errors import SpecError
from trivet.spec import Settings, parse_settings

AZURE = {
    "subscription": "11111111-2222-3333-4444-555555555555",
    "tenant": "66666666-7777-8888-9999-000000000000",
    "uploaders": ["9.9.9.9", "9.9.8.0/24"],
    "operatorKey": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA somebody",
    "bundle": "stack.tar",
    "keys": ["RW" + "A" * 54],
    "notify": "ops@example.org",
    "budget": 900,
}
CLOUD = {"provider": "azure", "target": "vm", "region": "southafricanorth"}


def parse(own: dict[str, Any] | None = None, **changes: str) -> Settings:
    return parse_settings("cloud", {**CLOUD, "azure": json.dumps({**AZURE, **(own or {})}), **changes})


def test_what_is_not_said_is_the_careful_choice() -> None:
    settings = parse()
    assert settings.azure is not None
    assert settings.cloud == settings.azure
    assert (settings.azure.clients, settings.azure.image, settings.azure.trusted_launch) == ((), None, True)


@pytest.mark.parametrize("image", ["debian:debian-12:12-gen2:latest", "/subscriptions/s/resourceGroups/g/images/i"])
def test_an_image_is_named_or_ones_own(image: str) -> None:
    azure = parse({"image": image}).azure
    assert azure is not None
    assert azure.image == image


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ({"subscription": "clinic"}, "subscription"),
        ({"tenant": "example.org"}, "tenant"),
        ({"uploaders": []}, "uploaders"),
        ({"uploaders": ["10.0.0.1"]}, "public address"),
        ({"uploaders": ["9.9.9.9/8"]}, "written as such"),
        ({"operatorKey": "-----BEGIN OPENSSH PRIVATE KEY-----"}, "operatorKey"),
        ({"clients": ["0.0.0.0/0"]}, "private"),
        ({"network": "10.0.0.0/25"}, "at most 24 bits"),
        ({"budget": 0}, "budget"),
        ({"logDays": 29}, "logDays"),
        ({"machine": "NC4as"}, "machine"),
        ({"image": "debian-12"}, "image"),
    ],
)
def test_what_breaks_a_rule_is_refused(own: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        parse(own)
