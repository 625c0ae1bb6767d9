"""A bundle shows what it will run, as Compose would be told."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.unit.examples import ROOT, spec_with
from tests.unit.render.cases import lock_for
from trivet.cli.rendered import rendered_files
from trivet.errors import SpecError
from trivet.spec.load import parse_yaml


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "stacks").mkdir()
    shutil.copy(ROOT / "Pulumi.yaml", tmp_path)
    (tmp_path / "stacks" / "Pulumi.onprem.yaml").write_text("config: {inference:region: here, inference:port: 9000}\n")
    (tmp_path / "stacks" / "Pulumi.cloud.yaml").write_text(
        "config: {inference:tier: cloud, inference:target: vm, inference:region: us-east-1, inference:provider: aws}\n"
    )
    return tmp_path


def test_each_stack_on_premises_has_a_compose_file_that_pulls_nothing(project: Path) -> None:
    spec = spec_with({})
    files = rendered_files(project, spec, lock_for(spec))
    assert [path for path in files if not path.startswith("units/")] == ["compose/onprem.yaml"]
    compose = parse_yaml(files["compose/onprem.yaml"].decode(), "compose/onprem.yaml")
    assert {service["pull_policy"] for service in compose["services"].values()} == {"never"}
    (port,) = compose["services"]["gateway"]["ports"]
    assert (port["host_ip"], str(port["published"])) == ("127.0.0.1", "9000")


def test_each_stack_on_a_cluster_has_the_values_of_its_chart(project: Path) -> None:
    (project / "stacks" / "Pulumi.onprem.yaml").unlink()
    shutil.copy(ROOT / "stacks" / "Pulumi.cluster.yaml", project / "stacks")
    spec = spec_with({})
    files = rendered_files(project, spec, lock_for(spec))
    assert list(files) == ["helm/cluster.yaml"]
    assert parse_yaml(files["helm/cluster.yaml"].decode(), "helm/cluster.yaml")["stack"] == "trivet-cluster"


def test_each_stack_on_premises_has_the_units_that_supervise_it(project: Path) -> None:
    spec = spec_with({})
    files = rendered_files(project, spec, lock_for(spec))
    units = {path: data.decode() for path, data in files.items() if path.startswith("units/")}
    names = ["stack.sh", "trivet-onprem.service", "trivet-onprem.watchdog.service", "watch.json"]
    assert sorted(units) == [f"units/onprem/{name}" for name in names]
    started = "ExecStart=/bin/sh /srv/trivet/.trivet/hosts/onprem/supervise/stack.sh start"
    assert started in units["units/onprem/trivet-onprem.service"].splitlines()


def test_a_stack_on_a_host_has_units_for_its_place_there(project: Path) -> None:
    config = (
        "{inference:region: here, inference:target: ssh, inference:host: {address: gpu1}, inference:root: /data/ai}"
    )
    (project / "stacks" / "Pulumi.onprem.yaml").write_text(f"config: {config}\n")
    spec = spec_with({})
    unit = rendered_files(project, spec, lock_for(spec))["units/onprem/trivet-onprem.service"].decode()
    assert "RequiresMountsFor=/data/ai/onprem" in unit.splitlines()


def test_settings_that_break_a_rule_are_refused(project: Path) -> None:
    (project / "stacks" / "Pulumi.onprem.yaml").write_text("config: {inference:regoin: here}\n")
    spec = spec_with({})
    with pytest.raises(SpecError, match="region"):
        rendered_files(project, spec, lock_for(spec))


def test_a_project_without_stacks_has_none(tmp_path: Path) -> None:
    spec = spec_with({})
    assert rendered_files(tmp_path, spec, lock_for(spec)) == {}
