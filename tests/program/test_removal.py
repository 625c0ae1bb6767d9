"""`destroy` leaves nothing, or the audit where that was asked for; and a frontier's key is nowhere but in its file."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Self

from ruamel.yaml import YAML

from tests.program.stack import NewStack, Stack, docker

CANARY = "sk-canary-6f1c2d9b8a7e"
FRONTIER = {"url": "https://frontier.invalid/v1", "model": "m", "country": "DE", "dataClasses": ["public"]}


def test_a_stack_with_a_frontier_comes_and_goes_and_its_key_is_seen_nowhere(new_stack: NewStack) -> None:
    stack = new_stack(gateway={"frontier": FRONTIER})
    assert "pulumi config set --secret frontierApiKey" in stack.up(fails=True)
    give_key(stack)
    stack.settings["retain"] = True
    stack.write()

    with ArgvWatch() as watch:
        said = stack.up()
    secret = stack.host_root / "secrets" / "frontier"
    assert secret.read_text() == CANARY
    assert secret.parent.stat().st_mode & 0o777 == 0o700
    in_container = ["exec", stack.container("gateway"), "python3", "-c", "print(open('/run/secrets/frontier').read())"]
    assert docker(*in_container).strip() == CANARY
    assert watch.lines
    assert CANARY not in "".join(watch.lines)
    assert CANARY not in said
    assert CANARY not in stack.state()
    others = [path for path in stack.host_root.rglob("*") if path.is_file() and path != secret and path.suffix]
    assert not any(CANARY in path.read_text() for path in others)
    assert not any(CANARY in docker("logs", name) for name in stack.containers())
    assert CANARY not in docker("inspect", *stack.containers())

    stack.destroy()
    left = stack.leftovers()
    assert left.pop("volumes") == [f"{stack.compose_project}_audit"]
    assert not any(left.values()), left

    stack.settings["retain"] = False
    stack.write()
    stack.up()
    audit = docker(
        "exec", stack.container("gateway"), "python3", "-c", "import os; print(os.listdir('/var/lib/trivet'))"
    )
    assert "audit.sqlite" in audit
    stack.destroy()
    assert not any(stack.leftovers().values()), stack.leftovers()


def test_destroying_what_is_gone_already_is_success(new_stack: NewStack) -> None:
    stack = new_stack()
    stack.up()
    stack.wipe()
    stack.destroy()
    assert not any(stack.leftovers().values()), stack.leftovers()


def give_key(stack: Stack) -> None:
    """Put the secret into the configuration the way a person does, and keep it there."""
    stack.pulumi("config", "set", "--secret", "frontierApiKey", CANARY)
    written = YAML(typ="safe", pure=True).load(next((stack.project / "stacks").glob("Pulumi.*")))
    stack.settings["frontierApiKey"] = written["config"]["inference:frontierApiKey"]


class ArgvWatch:
    """Collects the command line of every process that is seen meanwhile."""

    def __enter__(self) -> Self:
        self.lines: set[str] = set()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.02):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    self.lines.add(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
                except (FileNotFoundError, ProcessLookupError):
                    continue
