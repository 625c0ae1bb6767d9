"""A stack's settings file is read as Pulumi would hand it to the program."""

from __future__ import annotations

from pathlib import Path

import pytest

from trivet.errors import SpecError
from trivet.spec.settings_file import read_settings

FILE = """\
encryptionsalt: v1:abc
config:
  inference:region: za-office
  inference:tier: onprem
  inference:port: 9000
  inference:retain: true
  inference:operatedFrom: ZA, BW
  inference:target: ssh
  inference:host:
    address: 10.0.0.7
    user: ops
  inference:frontierApiKey:
    secure: v1:ciphertext
  inference:nested:
    password: {secure: v1:ciphertext}
  other:key: value
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: inference\nruntime: python\n")
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.clinic.yaml").write_text(FILE)
    return tmp_path


def test_text_numbers_lists_and_objects_are_read_and_secrets_are_not(project: Path) -> None:
    settings = read_settings(project, "clinic")
    assert (settings.region, settings.port, settings.retain) == ("za-office", 9000, True)
    assert settings.operated_from == ("ZA", "BW")
    assert settings.host is not None
    assert settings.host.address == "10.0.0.7"


def test_a_setting_that_breaks_a_rule_names_the_file(project: Path) -> None:
    (project / "stacks" / "Pulumi.clinic.yaml").write_text("config: {inference:tier: onprem, inference:regoin: x}\n")
    with pytest.raises(SpecError, match=r"stacks/Pulumi\.clinic\.yaml.*\n.*\n.*did you mean region\?"):
        read_settings(project, "clinic")


def test_a_stack_without_a_file_is_refused(project: Path) -> None:
    with pytest.raises(SpecError, match="pulumi stack init other"):
        read_settings(project, "other")
