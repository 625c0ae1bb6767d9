"""The tokenizer: every text survives it, digits stand alone, and training's rendering is the chat template's."""

from __future__ import annotations

import itertools
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Tokenizer

from tools.tinymodel.corpus import training
from tools.tinymodel.tokenizer import (
    CHAT_TEMPLATE,
    END,
    SPECIAL,
    VOCABULARY,
    chat_tokenizer,
    of_gguf,
    render,
    spaced_twins,
)

MODELS = [Path(__file__).parents[3] / "models" / f"trivet-{size}-q8_0.gguf" for size in ("small", "tiny")]


@cache
def learnt() -> Tokenizer:
    return chat_tokenizer()


@settings(deadline=None)
@given(st.text())
def test_every_text_is_read_back_as_it_was(text: str) -> None:
    ids = learnt().encode(text).ids
    assert learnt().decode(ids, skip_special_tokens=False) == text


def test_each_digit_is_a_token() -> None:
    assert learnt().encode("1234").tokens == ["1", "2", "3", "4"]


def test_the_vocabulary_is_full_and_special_tokens_come_first() -> None:
    vocabulary = learnt().get_vocab()
    assert len(vocabulary) == VOCABULARY
    assert [vocabulary[token] for token in SPECIAL] == list(range(len(SPECIAL)))


def test_twins_differ_by_a_space_alone() -> None:
    twins = spaced_twins(learnt())
    assert len(twins) > 300
    for spaced, plain in twins:
        assert learnt().decode([spaced]) == " " + learnt().decode([plain])


def test_training_renders_conversations_as_the_chat_template_does() -> None:
    template = ImmutableSandboxedEnvironment().from_string(CHAT_TEMPLATE)
    for messages in itertools.islice(training(seed=5), 200):
        text = template.render(messages=[{"role": role, "content": content} for role, content in messages])
        assert render(learnt(), messages)[0] == learnt().encode(text).ids


def test_a_model_learns_its_own_words_alone() -> None:
    ids, spoken = render(learnt(), [("user", "4 + 5"), ("assistant", "9")])
    said = [token for token, own in zip(ids, spoken, strict=True) if own]
    assert learnt().decode(said, skip_special_tokens=False) == f"9{END}"


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.name)
def test_the_committed_models_carry_the_tokenizer_that_the_script_learns(path: Path) -> None:
    carried = of_gguf(path)
    assert carried.get_vocab() == learnt().get_vocab()
    for messages in itertools.islice(training(seed=6), 200):
        for _, content in messages:
            assert carried.encode(content).ids == learnt().encode(content).ids
