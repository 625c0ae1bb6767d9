"""The stack's own files travel without what is secret and of one machine alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.examples import ROOT
from trivet.bundle.program import portable_settings, program_files
from trivet.errors import LockError
from trivet.spec.load import parse_yaml

SECRETS = """\
encryptionsalt: v1:abc
config:
  inference:region: on-premises
  inference:port: 8081
  inference:frontierApiKey:
    secure: v1:ciphertext
  inference:host:
    address: gpu1
    password: {secure: v1:ciphertext}
"""


def test_the_repository_s_program_is_all_that_pulumi_needs() -> None:
    files = program_files(ROOT)
    assert {
        "Pulumi.yaml",
        "__main__.py",
        "inference.yaml",
        "inference.lock",
        "policy/PulumiPolicy.yaml",
        "policy/__main__.py",
        "stacks/onprem/__init__.py",
    } <= files.keys()
    assert {
        "tools/language_host/serve.py",
        "tools/setup/env.sh",
        "trivet/provider/bin/pulumi-resource-trivet",
    } <= files.keys()
    assert not any("__pycache__" in name for name in files)


def test_a_regime_of_one_s_own_travels_and_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "inference.yaml").write_text("residency: {regime: law/house.yaml}\n")
    (tmp_path / "inference.lock").write_text("{}")
    with pytest.raises(LockError, match=r"law/house\.yaml"):
        program_files(tmp_path)
    (tmp_path / "law").mkdir()
    (tmp_path / "law" / "house.yaml").write_text("name: house\n")
    assert program_files(tmp_path)["law/house.yaml"] == b"name: house\n"


def test_settings_without_secrets_travel_byte_for_byte() -> None:
    text = "# Mine.\nconfig:\n  inference:region: here\n"
    assert portable_settings(text, "stacks/Pulumi.a.yaml") == text.encode()


def test_secrets_and_how_they_are_encrypted_stay_behind() -> None:
    data = portable_settings(SECRETS, "stacks/Pulumi.a.yaml")
    assert parse_yaml(data.decode(), "a") == {"config": {"inference:region": "on-premises", "inference:port": 8081}}
    assert b"ciphertext" not in data
    assert b"salt" not in data


def test_a_project_without_a_lock_is_refused(tmp_path: Path) -> None:
    (tmp_path / "inference.yaml").write_text("version: 1\n")
    with pytest.raises(LockError, match=r"inference\.lock"):
        program_files(tmp_path)


def test_a_file_name_that_no_bundle_may_carry_is_refused(tmp_path: Path) -> None:
    for name in ("inference.yaml", "inference.lock"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.a b.yaml").write_text("config: {}")
    with pytest.raises(LockError, match="a b"):
        program_files(tmp_path)
