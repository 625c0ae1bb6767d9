"""The Python language host of `tools/language_host`, asked by the real Pulumi CLI to run small programs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from tests.program.stack import eventually
from tests.unit.examples import ROOT

HOST = ROOT / "tools" / "language_host"
POLICY_PACK = """
    from pulumi_policy import EnforcementLevel, PolicyPack, StackValidationPolicy

    def named(args, report):
        if not any(each.props.get("owner") for each in args.resources if each.resource_type == "pulumi:pulumi:Stack"):
            report("a stack exports its owner")

    PolicyPack(
        name="owners",
        enforcement_level=EnforcementLevel.MANDATORY,
        policies=[StackValidationPolicy(name="owner", description="every stack has an owner", validate=named)],
    )
"""


class Project:
    """A Pulumi project with one stack, and a virtual environment by its name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")},
            "PATH": os.pathsep.join([str(HOST), os.environ["PATH"], str(ROOT / ".trivet" / "bin")]),
            "PULUMI_BACKEND_URL": f"file://{folder}/state",
            "PULUMI_CONFIG_PASSPHRASE": "for tests only",
            "PULUMI_HOME": f"{folder}/home",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }
        (folder / "state").mkdir()
        describe(folder / "Pulumi.yaml", name="small")
        self.program("")
        self.pulumi("stack", "init", "dev")

    def program(self, text: str) -> None:
        (self.folder / "__main__.py").write_text(f"import os, sys, time\nimport pulumi\n{dedent(text)}")

    def pulumi(self, *args: str, fails: bool = False) -> str:
        done = subprocess.run(
            ["pulumi", "--non-interactive", *args],
            cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stdout + done.stderr

    def up(self) -> dict[str, object]:
        self.pulumi("up", "--yes", "--skip-preview")
        outputs: dict[str, object] = json.loads(self.pulumi("stack", "output", "--json", "--show-secrets"))
        return outputs


def describe(file: Path, *, name: str) -> None:
    """Write a Pulumi.yaml or PulumiPolicy.yaml, with its environment beside it."""
    file.write_text(f"name: {name}\nruntime: {{name: python, options: {{virtualenv: .venv}}}}\n")
    (file.parent / ".venv").symlink_to(sys.prefix)


def running(pid: int) -> bool:
    """Is there such a process, other than a zombie?"""
    command = Path(f"/proc/{pid}/cmdline")
    return command.exists() and bool(command.read_bytes())


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_a_program_runs_with_the_interpreter_of_its_virtual_environment(project: Project) -> None:
    project.program("pulumi.export('prefix', sys.prefix)")
    assert project.up() == {"prefix": str(project.folder / ".venv")}


def test_a_program_knows_project_stack_root_and_that_it_is_a_preview(project: Project) -> None:
    project.program("""
        pulumi.export("where", [pulumi.get_project(), pulumi.get_stack(), pulumi.runtime.get_root_directory()])
        print("previewing:", pulumi.runtime.is_dry_run())
    """)
    assert project.up() == {"where": ["small", "dev", str(project.folder)]}
    assert "previewing: True" in project.pulumi("preview")


def test_a_raised_exception_fails_the_run_with_the_program_s_own_traceback(project: Project) -> None:
    project.program("def deeper():\n    raise ValueError('no such place')\ndeeper()")
    said = project.pulumi("preview", fails=True)
    assert f'File "{project.folder}/__main__.py", line 5, in <module>' in said
    assert "ValueError: no such place" in said
    assert "the program ended with exit status 1" in said
    assert "run_in_stack" not in said


def test_a_run_error_is_printed_without_a_traceback(project: Project) -> None:
    project.program("raise pulumi.RunError('region: unknown')")
    said = project.pulumi("preview", fails=True)
    assert "error: region: unknown" in said
    assert "Traceback" not in said


def test_a_program_that_exits_by_itself_fails_with_its_status(project: Project) -> None:
    project.program("sys.exit(7)")
    assert "the program ended with exit status 7" in project.pulumi("preview", fails=True)


def test_a_missing_virtual_environment_is_named_with_the_remedy(project: Project) -> None:
    (project.folder / ".venv").unlink()
    said = project.pulumi("preview", fails=True)
    assert f"{project.folder}/.venv/bin/python: not there" in said
    assert "make setup" in said


def test_secrets_of_the_configuration_reach_the_program_and_stay_secret(project: Project) -> None:
    project.pulumi("config", "set", "--secret", "token", "s3cr3t")
    project.program("pulumi.export('token', pulumi.Config().require_secret('token'))")
    assert project.up() == {"token": "s3cr3t"}
    assert "[secret]" in project.pulumi("stack", "output")
    assert not [
        file for file in (project.folder / "state").rglob("*") if file.is_file() and b"s3cr3t" in file.read_bytes()
    ]


@pytest.mark.parametrize(("owner", "fails"), [("", True), ("ops", False)])
def test_a_mandatory_violation_of_a_policy_pack_fails_the_preview(project: Project, owner: str, *, fails: bool) -> None:
    pack = project.folder / "pack"
    pack.mkdir()
    describe(pack / "PulumiPolicy.yaml", name="owners")
    (pack / "__main__.py").write_text(dedent(POLICY_PACK))
    project.program(f"pulumi.export('owner', {owner!r})")
    said = project.pulumi("preview", "--policy-pack", str(pack), fails=fails)
    assert ("a stack exports its owner" in said) == fails


def test_host_and_program_end_when_the_engine_is_killed(project: Project) -> None:
    project.program("print('pids', os.getppid(), os.getpid(), flush=True)\ntime.sleep(60)")
    command = ["pulumi", "--non-interactive", "preview"]
    with subprocess.Popen(command, cwd=project.folder, env=project.env, stdout=subprocess.PIPE, text=True) as engine:
        said = next(line for line in engine.stdout or () if "pids" in line)
        host, program = (int(word) for word in said.split()[-2:])
        assert running(host)
        assert running(program)
        engine.kill()
    eventually(lambda: not running(host) and not running(program))
