"""Each wall by itself: the program without the pack, the pack without the program's check; nothing unlawful gets by."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.program.cloud import CloudStack, aws
from tests.program.test_policy_pack import VIOLATION, Project
from tests.unit.examples import ROOT
from trivet.residency.resource_types import GLOBAL

HOME, ABROAD = "af-south-1", "eu-central-1"
RESIDENCY = {"residency": {"regime": "za-strict", "maxAgeDays": 3650}}
PAIRS = frozenset(
    {
        "by-its-own-region",
        "by-the-default-provider",
        "by-an-explicit-provider",
        "by-an-aliased-provider",
        "by-a-provider-that-a-component-hands-down",
        "for-many-regions",
        "with-a-replica",
        "with-a-copy",
        "with-a-registry-replica",
        "with-a-bucket-replica",
        "routed",
    }
)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A program that checks nothing, of AWS's own classes, in a stack under za-strict."""
    made = Project(tmp_path, "za-strict")
    shutil.copy(ROOT / "tests/program/places_program.py", tmp_path / "__main__.py")
    return made


def places(project: Project, *, lawful: bool) -> None:
    """Say which of each pair the program registers."""
    project.env["PLACES"] = "lawful" if lawful else "unlawful"
    project.pulumi("config", "set", "aws:region", HOME if lawful else "us-east-1")


def test_the_pack_alone_lets_no_unlawful_resource_of_a_cloud_program_through(project: Project) -> None:
    places(project, lawful=False)
    said = project.pulumi("preview", "--policy-pack", "policy", fails=True)
    assert set(VIOLATION.findall(said)) == PAIRS
    project.pulumi("up", "--yes", "--skip-preview", "--continue-on-error", "--policy-pack", "policy", fails=True)
    assert project.made() & PAIRS == set()


def test_the_pack_refuses_none_of_them_as_it_should_have_been(project: Project) -> None:
    places(project, lawful=True)
    project.pulumi("up", "--yes", "--skip-preview", "--policy-pack", "policy")
    assert project.made() >= PAIRS


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with aws() as url:
        yield url


def abroad(folder: Path, endpoint: str) -> CloudStack:
    """Our own cloud stack in a country that its regime does not allow, and the pack beside it."""
    stack = CloudStack(folder, endpoint, region=ABROAD, changes=RESIDENCY)
    shutil.copytree(ROOT / "policy", stack.project / "policy", ignore=shutil.ignore_patterns("__pycache__"))
    return stack


@pytest.mark.parametrize("preview", ["--skip-preview", "--skip-preview=false"])
def test_the_program_alone_leaves_nothing_in_the_state(tmp_path: Path, endpoint: str, preview: str) -> None:
    stack = abroad(tmp_path, endpoint)
    said = stack.pulumi("up", "--yes", preview, fails=True)
    assert "it is in DE" in said
    assert stack.resources() == []


def test_without_the_program_s_check_the_pack_alone_leaves_nothing_with_a_place(tmp_path: Path, endpoint: str) -> None:
    stack = abroad(tmp_path, endpoint)
    program = stack.project / "__main__.py"
    unchecked = re.sub(r"\n +check_stack\(.*", "", program.read_text())
    assert unchecked != program.read_text()
    program.write_text(unchecked)
    assert "it is in DE" in stack.pulumi("up", "--yes", "--policy-pack", "policy", fails=True)
    assert stack.resources() == []
    stack.up("--continue-on-error", "--policy-pack", "policy", fails=True)  # which has no preview
    made = {each.partition(":")[2].partition("/")[0] for each in stack.resources() if each.startswith("aws:")}
    assert made <= GLOBAL["aws"]
    stack.destroy()
