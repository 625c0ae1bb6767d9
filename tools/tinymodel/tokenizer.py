"""A byte-level BPE tokenizer, for llama.cpp a `gpt2` one with the pre-tokenizer `qwen2`: each digit is a token."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path

import gguf
from tokenizers import Regex, Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel, Split
from tokenizers.pre_tokenizers import Sequence as Chain
from tokenizers.trainers import BpeTrainer

from tools.tinymodel import lexicon
from tools.tinymodel.corpus import Message, training

END = "<|end|>"
SPECIAL = (END, "<|system|>", "<|user|>", "<|assistant|>")
VOCABULARY = 2048
PRE_TOKENIZER = "qwen2"
# The words of llama.cpp's `qwen2` pre-tokenizer (src/llama-vocab.cpp); /tokenize is held equal to this by `agree.py`.
_WORDS = (
    r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_CONVERSATIONS = 20_000
_WORD_WEIGHT = 100  # how often each word is seen beside the conversations: enough to make it one token
_SPACE = "\N{LATIN CAPITAL LETTER G WITH DOT ABOVE}"  # how byte-level BPE writes a space
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def chat_tokenizer() -> Tokenizer:
    """The tokenizer of both models, learnt from conversations and from the lexicon's words."""
    conversations = itertools.islice(training(seed=0), _CONVERSATIONS)
    texts = [content for messages in conversations for _, content in messages]
    words = [form for word in lexicon.everything() for form in (word, f" {word}")]
    return learn(texts + words * _WORD_WEIGHT)


def learn(texts: Iterable[str]) -> Tokenizer:
    """Learn the merges from `texts`; the 256 bytes are always there, so every text has tokens."""
    tokenizer = _assemble(BPE())
    trainer = BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def of_gguf(path: Path) -> Tokenizer:
    """The tokenizer that a model's file carries."""
    fields = gguf.GGUFReader(path).fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    merges = [tuple(pair.split(" ")) for pair in fields["tokenizer.ggml.merges"].contents()]
    tokenizer = _assemble(BPE({token: number for number, token in enumerate(tokens)}, merges))
    tokenizer.add_special_tokens(list(SPECIAL))
    return tokenizer


def _assemble(model: BPE) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = Chain(
        [Split(Regex(_WORDS), "isolated"), ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = ByteLevelDecoder()
    return tokenizer


def spaced_twins(tokenizer: Tokenizer) -> list[tuple[int, int]]:
    """Pairs of tokens that differ by a leading space alone: (with it, without it)."""
    vocabulary = tokenizer.get_vocab()
    return [
        (number, vocabulary[token.removeprefix(_SPACE)])
        for token, number in sorted(vocabulary.items())
        if token.startswith(_SPACE) and token.removeprefix(_SPACE) in vocabulary
    ]


def render(tokenizer: Tokenizer, messages: Sequence[Message]) -> tuple[list[int], list[bool]]:
    """Token ids of a conversation as the chat template writes it, and which of them the model has to say itself."""
    special = {token: SPECIAL.index(token) for token in SPECIAL}  # a BPE trainer numbers them first
    ids: list[int] = []
    spoken: list[bool] = []
    for role, content in messages:
        body = [*tokenizer.encode(content).ids, special[END]]
        ids += [special[f"<|{role}|>"], *body]
        spoken += [False, *[role == "assistant"] * len(body)]
    return ids, spoken
