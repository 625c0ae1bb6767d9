"""The policy pack on the real engine, with stand-in plugins for the clouds: it refuses what the checker refuses."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.program.stack import NewStack, Stack
from tests.unit.examples import ROOT, merge, raw_spec
from tests.unit.residency.cases import corpus

PACKAGES = ("aws", "gcp", "azure-native", "oci", "random")
VIOLATION = re.compile(r"\[mandatory\] +residency +\(.+: ([a-z-]+)\)")
PROGRAM = """
import json, pulumi
class Component(pulumi.ComponentResource):
    def __init__(self):
        super().__init__("own:index:Component", "a-component", {}, None)
component = Component()
made, providers = {}, {}
for case in json.load(open("cases.json")):
    package = case["type"].partition(":")[0]
    options = {"parent": component}
    if "provider" in case:
        key = f"{package}-" + "-".join(case["provider"].values())
        if key not in providers:
            providers[key] = pulumi.ProviderResource(package, key, case["provider"])
        options["provider"] = providers[key]
    properties = dict(case["properties"])
    if "placeOf" in case:
        properties["region"] = made[case["placeOf"]].lies
    options = pulumi.ResourceOptions(**options)
    made[case["name"]] = pulumi.CustomResource(case["type"], case["name"], {"lies": None, **properties}, options)
"""
HOME = {"type": "aws:ec2/instance:Instance", "properties": {"ami": "x"}, "provider": {"region": "af-south-1"}}


class Project:
    """A Pulumi project whose program registers cases, its spec under a regime, the pack, and plugins that are ours."""

    def __init__(self, folder: Path, regime: str) -> None:
        self.folder = folder
        plugins = folder / "plugins"
        for directory in (plugins, folder / "state", folder / "home", folder / "stacks"):
            directory.mkdir()
        for package in PACKAGES:
            plugin = plugins / f"pulumi-resource-{package}"
            launch = f'PYTHONPATH="{ROOT}" exec "{sys.executable}" -m tests.fakes.pulumi_cloud --paper'
            plugin.write_text(f'#!/bin/sh\n{launch} {package} "$@"\n')
            plugin.chmod(0o755)
        shutil.copytree(ROOT / "policy", folder / "policy", ignore=shutil.ignore_patterns("__pycache__"))
        (folder / ".venv").symlink_to(sys.prefix)
        (folder / "Pulumi.yaml").write_text("name: places\nruntime: {name: python, options: {virtualenv: .venv}}\n")
        (folder / "__main__.py").write_text(PROGRAM)
        self.residency({"regime": regime, "maxAgeDays": 3650})
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")},
            "PATH": os.pathsep.join([str(plugins), os.environ["PATH"], str(ROOT / ".trivet" / "bin")]),
            "PULUMI_BACKEND_URL": f"file://{folder}/state",
            "PULUMI_CONFIG_PASSPHRASE": "for tests only",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_HOME": f"{folder}/home",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }
        self.pulumi("stack", "init", "dev")

    def residency(self, residency: dict[str, Any]) -> None:
        """Write the spec."""
        (self.folder / "inference.yaml").write_text(json.dumps(merge(raw_spec(), {"residency": residency})))

    def cases(self, *cases: dict[str, Any]) -> None:
        """Say what the program registers."""
        (self.folder / "cases.json").write_text(json.dumps(cases))

    def pulumi(self, *args: str, fails: bool = False) -> str:
        """Run the CLI; it must succeed, or with `fails` it must not."""
        done = subprocess.run(
            ["pulumi", "--non-interactive", *args],
            cwd=self.folder, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300,
            check=False,
        )  # fmt: skip
        assert (done.returncode != 0) == fails, done.stdout
        return done.stdout

    def made(self) -> set[str]:
        """Names of the clouds' resources in the state."""
        exported = json.loads(self.pulumi("stack", "export"))["deployment"].get("resources", [])
        return {each["urn"].rpartition("::")[2] for each in exported if each["type"].startswith(PACKAGES)}


def case(name: str, **changes: Any) -> dict[str, Any]:
    """A machine in Cape Town, changed."""
    return {**HOME, "name": name, **changes}


@pytest.mark.parametrize("regime", ["za-strict", "eu"])
def test_the_pack_agrees_with_the_checker_on_the_whole_corpus(tmp_path: Path, regime: str) -> None:
    project = Project(tmp_path, regime)
    cases = corpus("resources")
    project.cases(*cases)
    said = project.pulumi("preview", "--policy-pack", "policy", fails=True)
    refused = {each["name"] for each in cases if regime not in each["allowed"]}
    assert set(VIOLATION.findall(said)) == refused
    assert "Traceback" not in said


def test_a_lawful_plan_passes_and_its_component_is_no_place(tmp_path: Path) -> None:
    project = Project(tmp_path, "za-strict")
    project.cases(*(each for each in corpus("resources") if "za-strict" in each["allowed"]))
    project.pulumi("preview", "--policy-pack", "policy")


def test_a_place_that_is_not_known_yet_fails_the_preview(tmp_path: Path) -> None:
    project = Project(tmp_path, "za-strict")
    project.cases(case("home"), case("follower", placeOf="home"))
    said = project.pulumi("preview", "--policy-pack", "policy", fails=True)
    assert VIOLATION.findall(said) == ["follower"]
    assert "the region is unknown" in said


def test_without_a_preview_no_violating_resource_is_made(tmp_path: Path) -> None:
    project = Project(tmp_path, "za-strict")
    project.cases(
        case("home"),
        case("abroad-by-its-own-region", properties={"ami": "x", "region": "eu-west-1"}),
        case("abroad-by-its-provider", provider={"region": "us-east-1"}),
    )
    said = project.pulumi("up", "--yes", "--skip-preview", "--policy-pack", "policy", fails=True)
    assert VIOLATION.search(said)
    assert project.made() <= {"home"}
    project.cases(case("home"))
    project.pulumi("up", "--yes", "--skip-preview", "--policy-pack", "policy")
    assert project.made() == {"home"}


def test_a_pack_that_cannot_read_its_regime_lets_nothing_through(tmp_path: Path) -> None:
    project = Project(tmp_path, "za-strict")
    project.cases(case("home"))
    project.residency({"regime": "za-strickt"})
    project.pulumi("up", "--yes", "--skip-preview", "--policy-pack", "policy", fails=True)
    assert project.made() == set()


@pytest.mark.parametrize(("country", "lawful"), [("ZA", True), ("DE", False)])
def test_our_own_stack_is_judged_by_its_settings_even_if_the_program_s_check_is_gone(
    new_stack: NewStack, country: str, *, lawful: bool
) -> None:
    stack: Stack = new_stack(residency={"regime": "za-strict", "maxAgeDays": 3650})
    stack.settings |= {"country": country, "operatedFrom": "ZA"}
    stack.write()
    shutil.copytree(ROOT / "policy", stack.project / "policy", ignore=shutil.ignore_patterns("__pycache__"))
    program = stack.project / "__main__.py"
    unchecked = re.sub(r"\n +check_stack\(.*", "", program.read_text())
    assert unchecked != program.read_text()
    program.write_text(unchecked)
    said = stack.pulumi("preview", "--policy-pack", "policy", fails=not lawful)
    assert ("compute: it is in DE" in said) != lawful
