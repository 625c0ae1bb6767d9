"""The place of Pulumi's state is found the way the CLI finds it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trivet.residency.backend import state_backend


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: inference\nruntime: python\n")
    return tmp_path


def test_the_environment_comes_first(project: Path) -> None:
    (project / "Pulumi.yaml").write_text("name: inference\nbackend: {url: s3://bucket}\n")
    assert state_backend(project, {"PULUMI_BACKEND_URL": "file:///x"}) == "file:///x"


def test_then_the_project(project: Path) -> None:
    (project / "Pulumi.yaml").write_text("name: inference\nbackend: {url: s3://bucket}\n")
    (project / "credentials.json").write_text(json.dumps({"current": "gs://other"}))
    assert state_backend(project, {"PULUMI_HOME": str(project)}) == "s3://bucket"


def test_then_what_the_login_noted(project: Path) -> None:
    (project / "credentials.json").write_text(json.dumps({"current": "gs://bucket"}))
    assert state_backend(project, {"PULUMI_HOME": str(project)}) == "gs://bucket"


def test_otherwise_it_is_unknown(project: Path) -> None:
    assert state_backend(project, {"PULUMI_HOME": str(project)}) == ""
