"""The synthetic tasks: right answers, the same ones every time, and a held-out split that training never touches."""

from __future__ import annotations

import itertools
import random
import re

import pytest

from tools.tinymodel.corpus import MEASURED, held_out, is_held_out, training
from tools.tinymodel.lexicon import everything
from tools.tinymodel.tasks import TASKS, Example
from tools.tinymodel.tasks.chat import HELLO, REFUSAL, WHO


def examples(task: str, count: int = 500) -> list[Example]:
    generate, _ = TASKS[task]
    rng = random.Random(7)
    return [generate(rng) for _ in range(count)]


@pytest.mark.parametrize("task", sorted(TASKS))
def test_the_same_seed_gives_the_same_examples_and_another_one_others(task: str) -> None:
    generate, _ = TASKS[task]
    drawn = [[generate(random.Random(seed)) for _ in range(20)] for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize("task", MEASURED)
def test_training_and_evaluation_share_no_question(task: str) -> None:
    keys = {example.key for example in held_out(task, 100, seed=1)}
    seen = {example.key for example in examples(task, 3000) if not is_held_out(example)}
    assert keys
    assert not keys & seen


@pytest.mark.parametrize("task", MEASURED)
def test_about_a_tenth_is_held_out(task: str) -> None:
    share = sum(is_held_out(example) for example in examples(task, 3000)) / 3000
    assert 0.05 < share < 0.16


def test_no_held_out_question_stands_in_a_training_conversation() -> None:
    prompts = {example.prompt for task in MEASURED for example in held_out(task, 100, seed=1)}
    for messages in itertools.islice(training(seed=1), 3000):
        assert not prompts & {content for _, content in messages}


def test_held_out_examples_are_different_and_repeatable() -> None:
    first = held_out("sort", 50, seed=3)
    assert first == held_out("sort", 50, seed=3) != held_out("sort", 50, seed=4)
    assert len({example.prompt for example in first}) == 50


def test_chat_has_fixed_answers_and_is_not_held_out() -> None:
    assert "chat" not in MEASURED
    assert not any(is_held_out(example) for example in examples("chat"))
    assert {HELLO, WHO, REFUSAL} <= {example.answer for example in examples("chat")}


def test_sums_are_right() -> None:
    for example in examples("arithmetic"):
        kind, first, second = example.key.split(" ")
        a, b = int(first), int(second)
        right = {"add": {a + b}, "subtract": {a - b}, "compare": {min(a, b), max(a, b)}}[kind]
        assert int(example.answer) in right
        assert {first, second} <= set(re.findall(r"\d+", example.prompt))


def test_sorted_lists_hold_the_same_items_in_order() -> None:
    for example in examples("sort"):
        items = re.split(r", | ", example.answer)
        assert sorted(items) == sorted(example.key.split(" ")[1:])
        ranks = [int(item) if item.isdigit() else item for item in items]
        assert ranks in (sorted(ranks), sorted(ranks, reverse=True))  # type: ignore[type-var]


@pytest.mark.parametrize("task", ["extract", "summarise"])
def test_what_is_copied_stands_in_the_question(task: str) -> None:
    for example in examples(task):
        values = example.key.split(" ")[2:]
        if task == "extract":
            assert example.answer in example.prompt
            assert set(example.answer.split(" ")) <= set(values)
        else:
            assert all(value in example.answer for value in values)


def test_labels_are_those_that_the_wording_lists() -> None:
    listed = [example for example in examples("classify") if " or " in example.prompt]
    assert listed
    assert all(example.answer in example.prompt.lower() for example in listed)


def test_the_shares_of_the_tasks_add_up_to_one() -> None:
    assert sum(share for _, share in TASKS.values()) == pytest.approx(1)


def test_the_lexicon_holds_each_word_once() -> None:
    assert len(set(everything())) == len(everything())
