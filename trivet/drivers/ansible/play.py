"""One play of the roles on a host, by `ansible-runner`, which runs `ansible-playbook`, which runs `ssh`.

They are programs of their own, in an environment of their own: ansible-core is under the GPL, and nobody who does not
set up hosts has to install it. Variables, secrets among them, go through files that only we may read and that end with
the play; no command line and no environment has any.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from trivet.drivers.ansible.events import Outcome, TaskEvent, parse_event
from trivet.drivers.ansible.inventory import connection_variables
from trivet.drivers.ansible.roles import PROGRAMS, ROLES
from trivet.drivers.ansible.scratch import scratch
from trivet.drivers.host import Report
from trivet.drivers.process import Processes
from trivet.errors import HostError
from trivet.spec.ssh import SshTarget

SECONDS: Final = 3600.0
LAST_WORDS: Final = 5


class TaskFailedError(HostError):
    """A task failed: the host is reached, and is not as the roles want it."""


@dataclass(frozen=True)
class Play:
    """Which roles, with what variables. `secrets` are variables too, and never shown."""

    variables: Mapping[str, Any]
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    playbook: str = "workstation.yml"


class Player:
    """Plays on one host."""

    def __init__(self, target: SshTarget, sudo_password: str | None = None) -> None:
        self._target = target
        self._password = sudo_password
        self._processes = Processes()

    def run(self, play: Play, report: Report, *, check: bool) -> Outcome:
        """Run the play to its end.

        Args:
            play: what is to be so.
            report: hears of each task.
            check: change nothing; say what would change.

        Raises:
            TaskFailedError: a task failed.
            HostError: the host cannot be reached, or Ansible is not there.
        """
        outcome, words = Outcome(), list[str]()
        with scratch() as made, self._processes.inheriting(made.lock):
            argv = self._argv(made.directory, play.playbook, check=check)
            self._prepare(made.directory, play)
            hear = _hearer(outcome, words, report)
            done = self._processes.run(argv, timeout=SECONDS, on_line=hear, name="ansible-runner")
        if outcome.failures:
            raise self._failed(outcome.failures[-1])
        if done.code != 0 or not outcome.tasks:
            raise HostError(
                where=self._target.known_as,
                value="\n".join(words[-LAST_WORDS:]) or f"ansible-runner ended with {done.code}",
                rule="Ansible can play the roles on the host",
                remedy="mend what it says; `make ansible` sets it up on this machine",
            )
        return outcome

    def cancel(self) -> None:
        """End what is running and refuse to run more."""
        self._processes.cancel()

    def _argv(self, directory: Path, playbook: str, *, check: bool) -> list[str]:
        path = os.pathsep.join([str(PROGRAMS), os.environ.get("PATH", os.defpath)])
        runner = shutil.which("ansible-runner", path=path)
        if runner is None:
            raise HostError(
                value="ansible-runner is not there",
                rule="a workstation is set up with Ansible, from this machine",
                remedy="run `make ansible`, or remove `workstation` from the stack's settings",
            )
        environment = {"PATH": path, "ANSIBLE_CONFIG": str(ROLES / "ansible.cfg"), "LC_ALL": "C.UTF-8"}
        options = ["--diff", *(["--check"] if check else [])]
        return [
            # Its events are on standard output; ours streams standard error.
            *("sh", "-c", 'exec "$@" >&2', "sh"),
            *("env", *(f"{key}={value}" for key, value in environment.items())),
            *(runner, "run", str(directory), "--json", "--project-dir", str(ROLES / "playbooks")),
            *("--playbook", playbook, f"--cmdline={' '.join(options)}"),
        ]

    def _prepare(self, directory: Path, play: Play) -> None:
        host = connection_variables(self._target, directory)
        if self._password is not None:
            host["ansible_become_password"] = self._password
        _write(directory / "inventory" / "hosts.json", {"all": {"hosts": {self._target.address: host}}})
        _write(directory / "env" / "extravars", {**play.variables, **play.secrets})

    def _failed(self, event: TaskEvent) -> HostError:
        if event.status == "unreachable":
            return HostError(
                where=f"{self._target.known_as}: {event.name}",
                value=event.detail,
                rule="the host can be reached over SSH during every task",
                remedy="see that it is on and lets us in; rules that lock everybody out it takes back by itself",
            )
        return TaskFailedError(
            where=f"{self._target.known_as}: {event.name}",
            value=event.detail,
            rule="every task of the roles succeeds",
            remedy="mend what it says, then run the same command again: what is done already stays",
        )


def _hearer(outcome: Outcome, words: list[str], report: Report) -> Callable[[str], None]:
    def hear(line: str) -> None:
        event = parse_event(line)
        if event is None:
            if not line.startswith("{"):
                words.append(line)
        elif event.status == "begun":
            report(event.name)
        else:
            outcome.add(event)

    return hear


def _write(path: Path, data: Mapping[str, Any]) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(json.dumps(data), encoding="utf-8")
