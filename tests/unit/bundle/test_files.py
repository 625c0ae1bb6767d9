"""Artifacts of files: what an installation makes of each."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.bundle.bundles import FILES, HOST, NOW, pinned, seed
from trivet.bundle.files import (
    STACK,
    TOOLS,
    WHEELS,
    describe,
    files_manifest,
    files_of,
    is_settings,
    mode_of,
)
from trivet.bundle.install import Target, install_bundle
from trivet.bundle.oci import Manifest
from trivet.bundle.packed import pack_stack
from trivet.errors import HostError

SETTINGS = "stacks/Pulumi.onprem.yaml"

pytestmark = pytest.mark.usefixtures("impatient")


def packed(files: dict[str, bytes]) -> Manifest:
    return pack_stack("trivet", files).manifest


def test_tools_go_where_the_project_looks_for_them_and_wheels_stay_in_the_store() -> None:
    blob = describe(b"x", "application/zip")
    assert list(files_of(files_manifest(TOOLS, {"pulumi": blob}))) == [".trivet/bin/pulumi"]
    assert files_of(files_manifest(WHEELS, {"a.whl": blob})) == {}
    assert files_of(files_manifest(STACK, {"b": blob, "a": blob})).keys() == {"a", "b"}


def test_a_script_is_a_program_and_other_files_are_not() -> None:
    files = files_of(packed({"run": b"#!/bin/sh\n", "data": b"# no script\n", SETTINGS: b"#!odd\n"}))
    assert {name: mode_of(blob) for name, blob in files.items()} == {"run": 0o755, "data": 0o644, SETTINGS: 0o644}
    assert [name for name, blob in files.items() if is_settings(blob)] == [SETTINGS]


def test_an_installation_brings_programs_that_can_run(tmp_path: Path) -> None:
    origin = seed(tmp_path / "store", artifacts=HOST)
    target = Target(tmp_path / "host" / ".trivet" / "store", project=tmp_path / "host")
    done = install_bundle(origin.bundle(tmp_path / "b"), target, pinned(), now=NOW)
    assert set(done.files) == {*FILES, ".trivet/bin/pulumi"}
    pulumi = tmp_path / "host" / ".trivet" / "bin" / "pulumi"
    assert pulumi.read_bytes() == b"#!/bin/sh\n"
    assert pulumi.stat().st_mode & 0o777 == 0o755


def test_settings_are_brought_once_and_then_belong_to_the_host(tmp_path: Path) -> None:
    target = Target(tmp_path / "host" / ".trivet" / "store", project=tmp_path / "host")
    first = seed(tmp_path / "one", files={**FILES, SETTINGS: b"config: {}\n"}).bundle(tmp_path / "a")
    install_bundle(first, target, pinned(), now=NOW)
    assert (tmp_path / "host" / SETTINGS).read_bytes() == b"config: {}\n"
    (tmp_path / "host" / SETTINGS).write_text("config: {inference:port: 1}\n")
    second = seed(tmp_path / "two", files={**FILES, SETTINGS: b"config: {other: 1}\n"}).bundle(tmp_path / "b")
    assert SETTINGS not in install_bundle(second, target, pinned(), now=NOW).files
    assert (tmp_path / "host" / SETTINGS).read_text() == "config: {inference:port: 1}\n"


def test_another_file_that_was_changed_is_still_a_reason_to_stop(tmp_path: Path) -> None:
    target = Target(tmp_path / "host" / ".trivet" / "store", project=tmp_path / "host")
    install_bundle(seed(tmp_path / "one").bundle(tmp_path / "a"), target, pinned(), now=NOW)
    (tmp_path / "host" / "inference.yaml").write_text("mine\n")
    other = seed(tmp_path / "two", files={**FILES, "inference.yaml": b"version: 2\n"}).bundle(tmp_path / "b")
    with pytest.raises(HostError, match="changed here"):
        install_bundle(other, target, pinned(), now=NOW)
