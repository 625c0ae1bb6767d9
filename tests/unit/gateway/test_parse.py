"""Request bodies: what passes, what is refused, and with which words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trivet_gateway.config import Limits, Model, Route
from trivet_gateway.errors import ApiError
from trivet_gateway.parse import ModelRequest, parse

CHAT: Route = "/v1/chat/completions"
TEXT: Route = "/v1/completions"
EMBED: Route = "/v1/embeddings"
ASK = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
SMALL = Model(name="m", kind="chat", url="http://m", context_length=512)
VECTORS = Model(name="v", kind="embedding", url="http://v", context_length=256, dimensions=384)
LIMITS = Limits(max_tokens=100)

REFUSED: list[tuple[Route, bytes | dict[str, Any], str | None, str]] = [
    (CHAT, b"", None, "not valid JSON"),
    (CHAT, b'{"model":', None, "not valid JSON"),
    (CHAT, b"\xff\xfe", None, "not valid JSON"),
    (CHAT, b"[" * 100_000, None, "recursion limit"),
    (CHAT, json.dumps({**ASK, "tools": [{"type": "function"}]}).replace("[{", "[" * 300 + "{").encode(), None, "JSON"),
    (CHAT, b'{"model": "\\ud800"}', None, "not valid JSON"),
    (CHAT, b"[]", None, "should be an object"),
    (CHAT, {}, "model", "is missing"),
    (CHAT, {"model": "m"}, "messages", "is missing"),
    (CHAT, {**ASK, "model": 5}, "model", "valid string"),
    (CHAT, {**ASK, "model": ""}, "model", "at least 1 character"),
    (CHAT, {**ASK, "messages": []}, "messages", "at least 1 item"),
    (CHAT, {**ASK, "messages": "Hello"}, "messages", "valid array"),
    (CHAT, {**ASK, "messages": ["Hello"]}, "messages[0]", "object"),
    (CHAT, {**ASK, "messages": [{"role": "boss", "content": "x"}]}, "messages[0].role", "'system'"),
    (CHAT, {**ASK, "messages": [{"content": "x"}]}, "messages[0].role", "is missing"),
    (CHAT, {**ASK, "messages": [{"role": "user", "content": 5}]}, "messages[0].content", "valid string"),
    (
        CHAT,
        {**ASK, "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
        "messages[0].content[0].type",
        "'text'",
    ),
    (CHAT, {**ASK, "temperature": "hot"}, "temperature", "valid number"),
    (CHAT, {**ASK, "temperature": 3}, "temperature", "less than or equal to 2"),
    (CHAT, b'{"model":"m","messages":[{"role":"user","content":"x"}],"top_p":NaN}', "top_p", "finite"),
    (CHAT, {**ASK, "stream": "yes"}, "stream", "valid boolean"),
    (CHAT, {**ASK, "stream": 1}, "stream", "valid boolean"),
    (CHAT, {**ASK, "max_tokens": -1}, "max_tokens", "greater than or equal to 1"),
    (CHAT, {**ASK, "max_tokens": 1.5}, "max_tokens", "valid integer"),
    (CHAT, {**ASK, "n": 9}, "n", "less than or equal to 8"),
    (CHAT, {**ASK, "n_predict": 10_000}, "n_predict", "not supported"),
    (CHAT, {**ASK, "id_slot": 0}, "id_slot", "not supported"),
    (CHAT, {**ASK, "store": True}, "store", "False"),
    (CHAT, {**ASK, "response_format": {"type": "yaml"}}, "response_format.type", "'json_object'"),
    (CHAT, {**ASK, "stream_options": {"include_usage": True}}, "stream_options", "needs stream"),
    (TEXT, {"model": "m", "prompt": ""}, "prompt", "at least 1 character"),
    (TEXT, {"model": "m", "prompt": ["a", 5]}, "prompt[1]", "valid string"),
    (TEXT, {"model": "m", "prompt": "a", "messages": []}, "messages", "not supported"),
    (EMBED, {"model": "m"}, "input", "is missing"),
    (EMBED, {"model": "m", "input": []}, "input", "at least 1 item"),
    (EMBED, {"model": "m", "input": ["a", ""]}, "input[1]", "at least 1 character"),
    (EMBED, {"model": "m", "input": "a", "encoding_format": "hex"}, "encoding_format", "'base64'"),
    (EMBED, {"model": "m", "input": "a", "stream": True}, "stream", "not supported"),
]


@pytest.mark.parametrize(("route", "body", "param", "words"), REFUSED, ids=lambda value: str(value)[:60])
def test_a_bad_body_is_refused_with_its_parameter(
    route: Route, body: bytes | dict[str, Any], param: str | None, words: str
) -> None:
    with pytest.raises(ApiError) as refusal:
        parse(route, body if isinstance(body, bytes) else json.dumps(body).encode())
    assert (refusal.value.status, refusal.value.param) == (400, param)
    assert words in refusal.value.message


GOOD: list[tuple[Route, dict[str, Any]]] = [
    (CHAT, ASK),
    (CHAT, {**ASK, "temperature": 0, "top_p": 1, "seed": 7, "stop": ["\n"], "n": 2}),
    (CHAT, {**ASK, "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}]}),
    (CHAT, {**ASK, "messages": [{"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}]}),
    (CHAT, {**ASK, "stream": True, "tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "auto"}),
    (TEXT, {"model": "m", "prompt": ["a", "b"]}),
    (TEXT, {"model": "m", "prompt": [1, 2, 3]}),
    (EMBED, {"model": "m", "input": ["a", "b"]}),
    (EMBED, {"model": "m", "input": [[1, 2], [3]]}),
    (EMBED, {"model": "m", "input": [1, 2]}),
]


@pytest.mark.parametrize(("route", "body"), GOOD, ids=lambda value: str(value)[:60])
def test_a_good_body_passes_unchanged(route: Route, body: dict[str, Any]) -> None:
    request = parse(route, json.dumps(body).encode())
    options = {"stream_options": {"include_usage": True}} if body.get("stream") else {}
    assert json.loads(request.encode("m")) == {**body, **options}


def test_a_refusal_of_an_endless_list_is_short() -> None:
    with pytest.raises(ApiError) as refusal:
        parse(CHAT, json.dumps({"model": "m", "messages": [5] * 200_000}).encode())
    assert refusal.value.param == "messages[0]"
    assert len(refusal.value.body()) < 500


def reserve(route: Route, body: dict[str, Any], model: Model = SMALL) -> tuple[int, ModelRequest]:
    request = parse(route, json.dumps(body).encode())
    return request.fit(model, LIMITS) - request.prompt_tokens, request


def test_the_whole_answer_is_reserved() -> None:
    assert reserve(CHAT, ASK)[0] == 100
    assert reserve(CHAT, {**ASK, "max_tokens": 7})[0] == 7
    assert reserve(CHAT, {**ASK, "max_tokens": 7, "max_completion_tokens": 9})[0] == 9
    assert reserve(CHAT, {**ASK, "max_tokens": 7, "n": 3})[0] == 21
    assert reserve(TEXT, {"model": "m", "prompt": ["a", "b"], "max_tokens": 5, "n": 2})[0] == 20
    assert reserve(TEXT, {"model": "m", "prompt": [1, 2], "max_tokens": 5})[0] == 5
    assert reserve(EMBED, {"model": "v", "input": "a"}, VECTORS)[0] == 0


def test_an_answer_is_never_longer_than_the_context_when_no_bound_is_given() -> None:
    tiny = Model(name="m", kind="chat", url="http://m", context_length=20)
    assert reserve(CHAT, ASK, tiny)[0] == 20


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_more_tokens_than_a_request_may_have_are_refused(name: str) -> None:
    assert reserve(CHAT, {**ASK, name: 100})[0] == 100
    with pytest.raises(ApiError, match=f"Lower {name}") as refusal:
        reserve(CHAT, {**ASK, name: 101})
    assert refusal.value.param == name


def test_vectors_of_another_dimension_are_refused() -> None:
    assert "dimensions" not in reserve(EMBED, {"model": "v", "input": "a", "dimensions": 384}, VECTORS)[1].body
    with pytest.raises(ApiError, match="384 dimensions, not 256"):
        reserve(EMBED, {"model": "v", "input": "a", "dimensions": 256}, VECTORS)
