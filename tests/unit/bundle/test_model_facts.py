"""What a model's files say about it, and which files are no model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from gguf import LlamaFileType

from tests.unit.bundle.weights import BOOL, CHAT, gguf, pair, safetensors, string, u32
from trivet.bundle.model_facts import FILE_TYPES, ModelFacts, describe
from trivet.errors import IntegrityError, ModelError

CONFIG = {"architectures": ["Qwen2ForCausalLM"], "hidden_size": 896, "max_position_embeddings": 32768}


def folder(root: Path, config: Mapping[str, Any] = CONFIG, **files: bytes) -> Path:
    """A safetensors model; a keyword `x__json` is the file `x.json`, empty bytes leave it out."""
    content = {"config.json": json.dumps(config).encode(), "tokenizer.json": b"{}", "model.safetensors": safetensors()}
    content |= {name.replace("__", "."): data for name, data in files.items()}
    for name, data in content.items():
        if data:
            (root / name).write_bytes(data)
    return root


def write(root: Path, data: bytes) -> Path:
    path = root / "m-q8_0.gguf"
    path.write_bytes(data)
    return path


def test_a_chat_model_says_its_context_and_quantisation(tmp_path: Path) -> None:
    more = (string("general.name", "Tiny"), string("general.license", "mit"), u32("general.file_type", 7))
    path = write(tmp_path, gguf((*CHAT, *more)))
    assert describe(path) == ModelFacts(
        format="gguf",
        kind="chat",
        name="Tiny",
        architecture="llama",
        quantisation="Q8_0",
        licence="mit",
        context_length=512,
        dimensions=8,
        parameters=19,
        size=path.stat().st_size,
    )


@pytest.mark.parametrize("sign", [u32("llama.pooling_type", 1), pair("llama.attention.causal", BOOL, b"\x00")])
def test_pooling_or_attention_both_ways_makes_an_embedding_model(tmp_path: Path, sign: bytes) -> None:
    assert describe(write(tmp_path, gguf((*CHAT, sign)))).kind == "embedding"


@pytest.mark.parametrize("sign", [u32("llama.pooling_type", 0), pair("llama.attention.causal", BOOL, b"\x01")])
def test_no_pooling_and_causal_attention_make_a_chat_model(tmp_path: Path, sign: bytes) -> None:
    assert describe(write(tmp_path, gguf((*CHAT, sign)))).kind == "chat"


def test_without_a_file_type_the_largest_tensors_name_the_quantisation(tmp_path: Path) -> None:
    assert describe(write(tmp_path, gguf())).quantisation == "F32"


def test_without_a_name_the_file_gives_it(tmp_path: Path) -> None:
    assert describe(write(tmp_path, gguf())).name == "m-q8_0"


@pytest.mark.parametrize(
    ("pairs", "value"),
    [
        (CHAT[1:], "no general.architecture"),
        (CHAT[:1] + CHAT[2:], "no llama.context_length"),
        (CHAT[:2], "no llama.embedding_length"),
        ((*CHAT[:2], string("llama.embedding_length", "8")), "no llama.embedding_length"),
        ((*CHAT, u32("split.count", 3)), "one of 3 parts"),
        ((*CHAT, u32("llama.pooling_type", 4)), "a reranker"),
    ],
)
def test_a_file_that_no_runtime_serves_is_refused(tmp_path: Path, pairs: tuple[bytes, ...], value: str) -> None:
    with pytest.raises(ModelError) as caught:
        describe(write(tmp_path, gguf(pairs)))
    assert value in caught.value.value


def test_a_file_without_tensors_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="or no tensors"):
        describe(write(tmp_path, gguf(tensors=(), data=b"")))


def test_a_corrupt_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="all weights are in the file"):
        describe(write(tmp_path, gguf()[:-1]))


def test_a_folder_of_safetensors_is_described_by_its_config(tmp_path: Path) -> None:
    facts = describe(folder(tmp_path))
    assert (facts.format, facts.kind, facts.architecture) == ("safetensors", "chat", "Qwen2ForCausalLM")
    assert (facts.context_length, facts.dimensions, facts.quantisation, facts.parameters) == (32768, 896, "F32", 8)


def test_a_folder_may_name_its_quantisation_and_nest_its_text_model(tmp_path: Path) -> None:
    config = {"architectures": ["BertModel"], "text_config": CONFIG, "quantization_config": {"quant_method": "fp8"}}
    facts = describe(folder(tmp_path, config))
    assert (facts.kind, facts.quantisation, facts.context_length) == ("embedding", "FP8", 32768)


def test_an_estimate_of_gpu_memory_leaves_room_for_the_cache(tmp_path: Path) -> None:
    facts = describe(folder(tmp_path))
    assert facts.gpu_memory_mib == 1025


@pytest.mark.parametrize(
    ("files", "value"),
    [
        ({"config__json": b""}, "no config.json"),
        ({"config__json": b"[]"}, "list"),
        ({"config__json": b"{"}, "Expecting"),
        ({"config__json": b'{"hidden_size": 1}'}, "max_position_embeddings: None"),
        ({"tokenizer__json": b""}, "no tokenizer"),
        ({"model__safetensors__index__json": b"{}"}, "no weight_map"),
        ({"model__safetensors__index__json": b'{"weight_map": {"z": "x.safetensors"}}'}, "'z' is not in x.safetensors"),
    ],
)
def test_a_folder_without_what_a_runtime_needs_is_refused(tmp_path: Path, files: dict[str, bytes], value: str) -> None:
    with pytest.raises(ModelError) as caught:
        describe(folder(tmp_path, **files))
    assert value in caught.value.value


def test_an_index_that_names_the_right_shards_passes(tmp_path: Path) -> None:
    index = {"weight_map": {"a": "model.safetensors", "b": "model.safetensors"}}
    assert describe(folder(tmp_path, model__safetensors__index__json=json.dumps(index).encode())).parameters == 8


def test_a_folder_or_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"a model is a \.gguf file or a folder"):
        describe(tmp_path)
    for name in ("a.json", "b.txt"):
        (tmp_path / name).write_text("{}")
    with pytest.raises(ModelError, match=r"a\.json, b\.txt"):
        describe(tmp_path)


def test_file_types_are_those_of_the_gguf_package() -> None:
    names = {kind.value: kind.name.removeprefix("MOSTLY_").removeprefix("ALL_") for kind in LlamaFileType}
    del names[LlamaFileType.GUESSED]
    assert names == FILE_TYPES
