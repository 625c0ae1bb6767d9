"""From the spec's arguments to the words that a server is started with."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.examples import raw_spec
from trivet.errors import SpecError
from trivet.render.llama import Llama
from trivet.render.runtime import Deployed, argv, flags
from trivet.render.vllm import Vllm
from trivet.spec.lock import LockedFile
from trivet.spec.model import ModelSpec
from trivet.spec.service import Resources

DIGEST = "sha256:" + "0" * 64
GGUF = ("model-00001-of-00002.gguf", "model-00002-of-00002.gguf")


def deployed(arguments: dict[str, Any], *, files: tuple[str, ...] = ("model.gguf",), **model: Any) -> Deployed:
    raw = {**raw_spec()["models"][0], "digest": DIGEST, **model}
    return Deployed(
        model=ModelSpec.model_validate(raw),
        files=tuple(LockedFile(path=path, digest=DIGEST, size=1) for path in files),
        arguments=arguments,
        resources=Resources(memory="1Gi"),
    )


def gpu(arguments: dict[str, Any], **model: Any) -> Deployed:
    vllm = {"runtime": "vllm", "format": "safetensors", "gpuMemoryMiB": 9000}
    return deployed(arguments, files=("config.json", "model.safetensors"), **{**vllm, **model})


def test_true_is_a_bare_flag_and_false_and_null_are_none() -> None:
    assert flags({"a": True, "b": False, "c": None, "d": 0, "e": "x", "f": 1.5}) == {
        "--a": True,
        "--d": "0",
        "--e": "x",
        "--f": "1.5",
    }


def test_positional_words_come_before_flags() -> None:
    assert argv({"--b": "2", "/models": True, "--a": True}) == ["/models", "--a", "--b", "2"]


@given(st.dictionaries(st.from_regex(r"--[a-z]{1,8}", fullmatch=True), st.one_of(st.just(True), st.text(max_size=8))))
def test_the_order_in_a_mapping_does_not_matter(command: dict[str, Any]) -> None:
    assert argv(command) == argv(dict(reversed(command.items())))


def test_each_slot_of_llama_has_the_context_that_one_request_is_promised() -> None:
    command = Llama().command(deployed({"parallel": 4}, contextLength=512))
    assert command["--ctx-size"] == "2048"
    assert command["--parallel"] == "4"


def test_without_a_number_llama_has_one_slot() -> None:
    command = Llama().command(deployed({}, contextLength=512))
    assert (command["--ctx-size"], command["--parallel"]) == ("512", "1")


def test_llamas_prompt_cache_fits_into_the_container() -> None:
    assert Llama().command(deployed({}))["--cache-ram"] == "256"
    assert Llama().command(deployed({"cache-ram": 10}))["--cache-ram"] == "10"


def test_an_embedding_model_takes_a_whole_text_in_one_batch() -> None:
    command = Llama().command(deployed({}, kind="embedding", dimensions=384, contextLength=2048))
    assert command["--embeddings"] is True
    assert (command["--batch-size"], command["--ubatch-size"]) == ("2048", "2048")
    assert "--embeddings" not in Llama().command(deployed({}))


def test_a_split_gguf_is_named_by_its_first_part() -> None:
    assert Llama().command(deployed({}, files=tuple(reversed(GGUF))))["--model"] == f"/models/{GGUF[0]}"


def test_vllm_serves_the_directory_under_the_models_name() -> None:
    command = Vllm().command(gpu({"gpu-memory-utilization": 0.8}, contextLength=4096))
    words = argv(command)
    assert words[0] == "/models"
    assert command["--served-model-name"] == raw_spec()["models"][0]["name"]
    assert command["--max-model-len"] == "4096"
    assert command["--gpu-memory-utilization"] == "0.8"
    assert "--runner" not in command


def test_vllm_is_told_that_a_model_embeds() -> None:
    assert Vllm().command(gpu({}, kind="embedding", dimensions=8))["--runner"] == "pooling"


def test_the_gateway_gives_a_server_as_many_requests_as_it_has_places() -> None:
    assert Llama().concurrency(deployed({"parallel": 3})) == 3
    assert Vllm().concurrency(gpu({"max-num-seqs": 5})) == 5


@pytest.mark.parametrize("value", [0, -1, 1.5, "auto", True])
def test_a_number_of_slots_that_is_none_is_refused(value: object) -> None:
    with pytest.raises(SpecError, match="parallel is a whole number of at least 1"):
        Llama().command(deployed({"parallel": value}))
