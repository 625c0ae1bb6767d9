"""Settings of a stack on Google Cloud, checked at the door."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trivet.errors import SpecError
from trivet.spec import Settings, parse_settings

GCP = {
    "project": "clinic-inference",
    "projectNumber": "123456789012",
    "billingAccount": "012345-6789AB-CDEF01",
    "bundle": "stack.tar",
    "keys": ["RW" + "A" * 54],
    "notify": "ops@example.org",
    "budget": 900,
}
CLOUD = {"provider": "gcp", "target": "vm", "region": "africa-south1"}


def parse(own: dict[str, Any] | None = None, **changes: str) -> Settings:
    return parse_settings("cloud", {**CLOUD, "gcp": json.dumps({**GCP, **(own or {})}), **changes})


def test_what_is_not_said_is_the_careful_choice() -> None:
    settings = parse()
    assert settings.gcp is not None
    assert settings.cloud == settings.gcp
    assert (settings.gcp.clients, settings.gcp.image, settings.gcp.log_days) == ((), None, 365)


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ({"project": "Clinic"}, "project"),
        ({"projectNumber": "clinic"}, "projectNumber"),
        ({"billingAccount": "012345"}, "billingAccount"),
        ({"clients": ["0.0.0.0/0"]}, "private"),
        ({"network": "10.0.0.0/30"}, "8 to 29 bits"),
        ({"budget": 0}, "budget"),
        ({"logDays": 0}, "logDays"),
        ({"machine": "g2"}, "machine"),
        ({"image": "debian-12"}, "image"),
        ({"zone": "africa-south1-a"}, "zone"),
        ({"bundle": "folder"}, "bundle"),
        ({"projekt": "x"}, "projekt"),
    ],
)
def test_what_breaks_a_rule_is_refused(own: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        parse(own)


@pytest.mark.parametrize(
    "config",
    [
        CLOUD,
        {**CLOUD, "provider": "aws", "gcp": json.dumps(GCP)},
        {"provider": "gcp", "region": "africa-south1", "gcp": json.dumps(GCP)},
    ],
)
def test_provider_and_its_own_settings_belong_together(config: dict[str, str]) -> None:
    with pytest.raises(SpecError, match="settings of their own under"):
        parse_settings("cloud", config)
