"""`trivet host list`: what a state says of each host, one that was never reached included."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from trivet.cli import main
from trivet.cli.host_list import host_reports, report_lines
from trivet.spec import parse_settings

HOSTS = [{"address": "gpu1"}, {"address": "gpu2"}, {"address": "gpu3"}, {"address": "gpu4"}]
FLEET = {"region": "za", "target": "ssh", "hosts": json.dumps(HOSTS)}
WHEN = "2026-11-21T18:28:22Z"


def resource(kind: str, name: str, *errors: str, **outputs: str) -> dict[str, Any]:
    urn = f"urn:pulumi:onprem::inference::trivet:host:{kind}::{name}"
    return {"urn": urn, "type": f"trivet:host:{kind}", "outputs": outputs, "initErrors": list(errors)}


RESOURCES = [
    {"urn": "urn:pulumi:onprem::inference::pulumi:pulumi:Stack::gpu1", "type": "pulumi:pulumi:Stack"},
    resource("Workstation", "gpu1"),
    resource("Bundle", "gpu1", url="http://gpu1:8080/v1", state="ready", changed=WHEN),
    resource("Workstation", "gpu2", "gpu2: engine: Install docker.io\n  rule: every task succeeds"),
    resource("Bundle", "gpu3", url="http://gpu3:8080/v1", state="gateway is exited, none", changed=WHEN),
]


def test_each_host_of_the_settings_has_a_row_that_says_how_it_is() -> None:
    reports = host_reports(parse_settings("onprem", FLEET), RESOURCES)
    assert [(each.name, each.state) for each in reports] == [
        ("gpu1", "ready"),
        ("gpu2", "gpu2: engine: Install docker.io"),
        ("gpu3", "gateway is exited, none"),
        ("gpu4", "not installed"),
    ]
    assert report_lines(reports)[1].split() == ["gpu1", WHEN, "http://gpu1:8080/v1", "ready"]
    assert report_lines(reports)[-1].split() == ["gpu4", "-", "-", "not", "installed"]


def test_a_stack_with_one_host_has_one_row() -> None:
    alone = [resource("Workstation", "workstation"), resource("Bundle", "stack", state="ready", changed=WHEN, url="u")]
    settings = parse_settings("onprem", {"region": "za", "target": "ssh", "host": '{"address": "gpu1"}'})
    assert [(each.name, each.state) for each in host_reports(settings, alone)] == [("stack", "ready")]


@pytest.mark.parametrize(("resources", "code"), [(RESOURCES, 1), (RESOURCES[2:3], 0)])
def test_it_ends_with_1_where_a_host_is_not_ready(
    resources: list[dict[str, Any]],
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    hosts = HOSTS if code else HOSTS[:1]
    settings = {"inference:region": "za", "inference:target": "ssh", "inference:hosts": hosts}
    (tmp_path / "inference.yaml").touch()
    (tmp_path / "Pulumi.yaml").write_text("name: inference")
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.onprem.yaml").write_text(json.dumps({"config": settings}))
    (tmp_path / "state.json").write_text(json.dumps({"deployment": {"resources": resources}}))
    (tmp_path / "pulumi").write_text(f"#!/bin/sh\ncat {tmp_path}/state.json\n")
    (tmp_path / "pulumi").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert main(["host", "list", "--project", str(tmp_path), "--json"]) == code
    assert json.loads(capsys.readouterr().out)["hosts"]["gpu1"]["state"] == "ready"
