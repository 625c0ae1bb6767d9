"""What a play looked at, and when one look tells that nothing has changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from trivet.drivers.ansible.events import Outcome, TaskEvent
from trivet.drivers.ansible.witness import Look, Witness, parse_look
from trivet.drivers.local import LocalHost


@pytest.mark.parametrize(
    ("action", "result", "look"),
    [
        ("ansible.builtin.command", {"cmd": ["sshd", "-T"]}, Look(command=("sshd", "-T"))),
        ("ansible.builtin.shell", {"cmd": "ls *"}, Look(command=("sh", "-c", "ls *"))),
        ("ansible.builtin.template", {"dest": "/etc/a"}, Look(files=("/etc/a",))),
        ("ansible.builtin.file", {"invocation": {"module_args": {"path": "/etc"}}}, Look(files=("/etc",))),
        ("ansible.builtin.debug", {"msg": "hello"}, None),
        ("ansible.builtin.uri", {"url": "http://127.0.0.1"}, Look()),
    ],
)
def test_tasks_look_at_files_and_by_commands(action: str, result: dict[str, object], look: Look | None) -> None:
    assert parse_look(action, result) == look


def test_a_task_that_looks_in_another_way_leaves_no_witness() -> None:
    told, untold = Outcome(), Outcome()
    told.add(TaskEvent("a", "ok", look=Look(command=("true",))))
    untold.add(TaskEvent("a", "ok", look=Look()))
    assert told.witness is not None
    assert untold.witness is None


def test_a_play_that_changed_something_leaves_none() -> None:
    outcome = Outcome()
    outcome.add(TaskEvent("a", "changed"))
    assert outcome.witness is None


@pytest.fixture
def looked(tmp_path: Path) -> tuple[Path, Witness]:
    file = tmp_path / "file"
    file.write_text("one")
    file.chmod(0o644)
    listed = Look(command=("ls", str(tmp_path)))
    return file, Witness.of([Look(files=(str(file),)), listed, listed])


def test_the_same_sight_is_the_same_digest(looked: tuple[Path, Witness]) -> None:
    _, witness = looked
    assert len(witness.commands) == 1
    assert witness.digest(LocalHost()) == witness.digest(LocalHost())


@pytest.mark.parametrize("change", ["content", "mode", "gone", "output"])
def test_another_sight_is_another_digest(looked: tuple[Path, Witness], change: str) -> None:
    file, witness = looked
    before = witness.digest(LocalHost())
    match change:
        case "content":
            file.write_text("two")
        case "mode":
            file.chmod(0o600)
        case "gone":
            file.unlink()
        case _:
            (file.parent / "other").touch()
    assert witness.digest(LocalHost()) != before
