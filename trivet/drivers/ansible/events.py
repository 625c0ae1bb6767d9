"""What ansible-runner says, event by event, and what becomes of it: changes, notices, the failure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from trivet.drivers.ansible.witness import Look, Witness, parse_look

Status = Literal["begun", "ok", "changed", "failed", "unreachable"]
STATUSES: Final[Mapping[str, Status]] = {
    "runner_on_start": "begun",
    "runner_on_ok": "ok",
    "runner_item_on_ok": "ok",
    "runner_on_failed": "failed",
    "runner_item_on_failed": "failed",
    "runner_on_unreachable": "unreachable",
}
HIDDEN: Final = "(not shown: it is secret)"
DIFF_LINES: Final = 6


@dataclass(frozen=True)
class TaskEvent:
    """A task, or one item of its loop, on the host."""

    name: str
    status: Status
    detail: str = ""
    is_notice: bool = False
    look: Look | None = None


@dataclass
class Outcome:
    """What a play did, or would do. `changes` by task: what differed, as far as it can be shown."""

    changes: dict[str, str] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    failures: list[TaskEvent] = field(default_factory=list)
    tasks: int = 0
    looks: list[Look] = field(default_factory=list)

    @property
    def witness(self) -> Witness | None:
        """What tells later whether anything changed; None if something did just now, or that cannot be told."""
        return None if self.changes or Look() in self.looks else Witness.of(self.looks)

    def add(self, event: TaskEvent) -> None:
        """Take the next event."""
        if event.look:
            self.looks.append(event.look)
        match event.status:
            case "changed":
                self.tasks += 1
                self.changes[event.name] = event.detail
            case "ok":
                self.tasks += 1
                if event.is_notice:
                    self.notices.append(event.detail)
            case "failed" | "unreachable":
                self.failures.append(event)


def parse_event(line: str) -> TaskEvent | None:
    """The task event that a line of ansible-runner's standard output is; None for any other line."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    if not isinstance(event, dict) or event.get("event") not in STATUSES:
        return None
    status = STATUSES[event["event"]]
    data = event.get("event_data", {})
    result = data.get("res") or {}
    if "results" in result or (status == "failed" and data.get("ignore_errors")):
        return None  # of a loop, each item has had its event
    if status == "ok" and result.get("changed"):
        status = "changed"
    is_notice = status == "ok" and data.get("task_action") == "ansible.builtin.debug"
    detail = str(result.get("msg", "")) if is_notice or status in {"failed", "unreachable"} else ""
    if status == "changed":
        detail = "\n".join(_shown(result))
    if status == "failed" and (said := result.get("stderr") or result.get("module_stderr")):
        detail = f"{detail}: {str(said).strip()}"
    look = parse_look(data.get("task_action", ""), result) if status == "ok" else None
    return TaskEvent(_name(data, result), status, detail, is_notice, look)


def _name(data: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    name = f"{data['role']}: {data['task']}" if data.get("role") else str(data.get("task", ""))
    label = result.get("_ansible_item_label")
    return f"{name} ({label})" if isinstance(label, str) and label not in name else name


def _shown(result: Mapping[str, Any]) -> Iterator[str]:
    """The lines that differ, `-` for those that go and `+` for those that come."""
    if "censored" in result:
        yield HIDDEN
        return
    lines = [line for diff in _listed(result.get("diff")) for line in _differing(diff)]
    yield from lines[:DIFF_LINES]
    if len(lines) > DIFF_LINES:
        yield f"… and {len(lines) - DIFF_LINES} lines more"


def _listed(diff: Any) -> list[Mapping[str, Any]]:
    found = diff if isinstance(diff, list) else [diff]
    return [each for each in found if isinstance(each, dict)]


def _differing(diff: Mapping[str, Any]) -> Iterator[str]:
    before, after = (_lines(diff.get(key)) for key in ("before", "after"))
    yield from (f"- {line}" for line in before if line not in after)
    yield from (f"+ {line}" for line in after if line not in before)


def _lines(text: Any) -> list[str]:
    if isinstance(text, dict):
        return [f"{key}: {value}" for key, value in text.items() if key != "path"]
    return [line.strip() for line in str(text or "").splitlines() if line.strip()]
