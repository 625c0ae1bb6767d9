"""Names and tokens of the embedding model as llama.cpp expects them. The conversion itself runs in tests/program."""

from __future__ import annotations

import pytest

from trivet.bundle.convert_minilm import gguf_name, gguf_token


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("embeddings.word_embeddings.weight", "token_embd.weight"),
        ("embeddings.position_embeddings.weight", "position_embd.weight"),
        ("embeddings.token_type_embeddings.weight", "token_types.weight"),
        ("embeddings.LayerNorm.bias", "token_embd_norm.bias"),
        ("encoder.layer.0.attention.self.query.weight", "blk.0.attn_q.weight"),
        ("encoder.layer.5.attention.output.dense.bias", "blk.5.attn_output.bias"),
        ("encoder.layer.5.attention.output.LayerNorm.weight", "blk.5.attn_output_norm.weight"),
        ("encoder.layer.2.intermediate.dense.weight", "blk.2.ffn_up.weight"),
        ("encoder.layer.2.output.dense.weight", "blk.2.ffn_down.weight"),
        ("encoder.layer.2.output.LayerNorm.bias", "blk.2.layer_output_norm.bias"),
    ],
)
def test_tensors_have_llama_cpps_names(name: str, expected: str) -> None:
    assert gguf_name(name) == expected


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("hello", "\u2581hello"),
        ("##ing", "ing"),
        ("[CLS]", "[CLS]"),
        ("[unused0]", "[unused0]"),
        ("[", "\u2581["),
        ("]", "\u2581]"),
        ("#", "\u2581#"),
        ("##", ""),
    ],
)
def test_the_start_of_a_word_is_marked_and_not_its_continuation(token: str, expected: str) -> None:
    assert gguf_token(token) == expected
