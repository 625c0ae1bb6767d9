"""ansible-runner's events, as it prints them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trivet.drivers.ansible.events import HIDDEN, Outcome, parse_event
from trivet.drivers.ansible.witness import Look


def line(event: str, action: str = "ansible.builtin.command", **result: Any) -> str:
    data = {"role": "engine", "task": "Have it", "task_action": action, "res": result}
    return json.dumps({"event": event, "event_data": data})


def outcome(*lines: str) -> Outcome:
    made = Outcome()
    for each in lines:
        if event := parse_event(each):
            made.add(event)
    return made


@pytest.mark.parametrize("text", ["", "PLAY [all]", "{", "[]", '{"event": "playbook_on_stats", "event_data": {}}'])
def test_what_is_no_task_is_none(text: str) -> None:
    assert parse_event(text) is None


def test_a_change_is_named_by_role_and_task_and_shows_the_lines_that_differ() -> None:
    diff = [{"before": "a\nb\n", "after": "a\nc\n"}]
    found = outcome(line("runner_on_ok", "ansible.builtin.template", changed=True, diff=diff))
    assert found.changes == {"engine: Have it": "- b\n+ c"}


def test_a_task_that_is_as_it_should_be_is_no_change() -> None:
    found = outcome(line("runner_on_ok", changed=False, cmd=["true"]))
    assert (found.changes, found.tasks, found.looks) == ({}, 1, [Look(command=("true",))])


def test_items_of_a_loop_are_told_apart_and_their_sum_is_not_counted_again() -> None:
    found = outcome(
        line("runner_item_on_ok", changed=True, _ansible_item_label="a.service"),
        line("runner_item_on_ok", changed=False, _ansible_item_label="b.service", cmd=["x"]),
        line("runner_on_ok", changed=True, results=[{}, {}]),
    )
    assert (list(found.changes), found.tasks) == (["engine: Have it (a.service)"], 2)


def test_a_secret_difference_is_not_shown() -> None:
    found = outcome(line("runner_on_ok", changed=True, censored="the output has been hidden"))
    assert found.changes == {"engine: Have it": HIDDEN}


def test_a_failure_says_what_the_command_said() -> None:
    found = outcome(line("runner_on_failed", msg="non-zero return code", stderr="no such unit\n"))
    assert [(each.status, each.detail) for each in found.failures] == [("failed", "non-zero return code: no such unit")]


def test_a_failure_that_is_ignored_is_none() -> None:
    event = json.loads(line("runner_on_failed", msg="x"))
    event["event_data"]["ignore_errors"] = True
    assert parse_event(json.dumps(event)) is None


def test_what_a_task_says_is_a_notice() -> None:
    assert outcome(line("runner_on_ok", "ansible.builtin.debug", msg="no GPU")).notices == ["no GPU"]
