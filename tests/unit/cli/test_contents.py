"""What a bundle of this very checkout is made of."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.unit.examples import ROOT
from trivet.bundle.create import Contents
from trivet.cli.contents import REQUIREMENTS, contents_of
from trivet.cli.project import Project
from trivet.spec.load import parse_yaml


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for name in ("inference.yaml", "inference.lock", "Pulumi.yaml", "__main__.py"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("helm", "stacks"):
        shutil.copytree(ROOT / name, tmp_path / name)
    return Project(tmp_path)


def contents(project: Project) -> Contents:
    spec = project.spec()
    return contents_of(project, spec, project.lock(spec), created=None, expires=None)


def test_a_cluster_has_a_tree_that_names_chart_and_program_by_digest(project: Project) -> None:
    made = contents(project)
    chart, program, tree = made.packed
    assert [each.name for each in made.packed] == ["chart/trivet", "program/trivet", "gitops/cluster"]
    release = tree.files["flux/trivet.yaml"].decode()
    assert f'digest: "{chart.digest}"' in release
    assert program.files.keys() >= {"Pulumi.yaml", "__main__.py", "stacks/Pulumi.onprem.yaml", REQUIREMENTS}
    assert made.files["gitops/cluster/flux/trivet.yaml"] == tree.files["flux/trivet.yaml"]
    assert parse_yaml(made.files["helm/cluster.yaml"].decode(), "values")["stack"] == "trivet-cluster"
    assert made.files["helm/trivet/Chart.yaml"] == (ROOT / "helm" / "trivet" / "Chart.yaml").read_bytes()


def test_without_a_cluster_there_is_the_chart_alone(project: Project) -> None:
    (project.root / "stacks" / "Pulumi.cluster.yaml").unlink()
    made = contents(project)
    assert [each.name for each in made.packed] == ["chart/trivet"]
    assert not any(path.startswith("gitops/") for path in made.files)


def test_what_was_installed_makes_the_same_bundle_again(project: Project, tmp_path: Path) -> None:
    made = contents(project)
    there = tmp_path / "elsewhere"
    for path, data in made.files.items():
        (there / path).parent.mkdir(parents=True, exist_ok=True)
        (there / path).write_bytes(data)
    assert contents(Project(there)) == made
