"""Clients that know nothing of Trivet use a deployed stack: OpenAI's own Python client, and curl."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest
from openai.types.chat import ChatCompletionChunk

from tests.program.stack import Stack
from trivet.spec import StackSpec, load_spec

QUESTION = "Who are you?"


@pytest.fixture
def spec(stack: Stack) -> StackSpec:
    return load_spec(stack.project / "inference.yaml")


@pytest.fixture
def chat_model(spec: StackSpec) -> str:
    return next(model.name for model in spec.models if model.kind == "chat")


@pytest.fixture
def client(stack: Stack) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=stack.url, api_key=stack.key_file.read_text().strip(), max_retries=0, timeout=60
    ) as client:
        yield client


@pytest.fixture
def headers(stack: Stack, tmp_path: Path) -> Path:
    """curl's headers in a file: a key in argv can be read by every user of the machine."""
    path = tmp_path / "headers"
    path.touch(mode=0o600)
    path.write_text(f"Authorization: Bearer {stack.key_file.read_text().strip()}\nContent-Type: application/json\n")
    return path


def test_the_openai_client_lists_the_models(client: openai.OpenAI, spec: StackSpec) -> None:
    assert {model.id for model in client.models.list()} == {model.name for model in spec.models}


def test_the_openai_client_holds_a_streamed_chat(client: openai.OpenAI, chat_model: str) -> None:
    """Two turns; the second one carries the first."""
    messages: list[dict[str, str]] = []
    for question in (QUESTION, "Thank you!"):
        messages.append({"role": "user", "content": question})
        answer, usage = ask(client, chat_model, messages)
        assert answer
        assert usage > 0
        messages.append({"role": "assistant", "content": answer})


def ask(client: openai.OpenAI, model: str, messages: list[dict[str, str]], max_tokens: int = 48) -> tuple[str, int]:
    """The streamed answer and its tokens."""
    stream = client.chat.completions.create(
        model=model,
        messages=messages,  # type: ignore[arg-type]
        stream=True,
        stream_options={"include_usage": True},
        max_tokens=max_tokens,
        temperature=0,
        seed=7,
    )
    chunks: list[ChatCompletionChunk] = list(stream)
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert chunks[-1].usage is not None
    return text, chunks[-1].usage.completion_tokens


def test_the_openai_client_gets_the_same_answer_whole(client: openai.OpenAI, chat_model: str) -> None:
    messages = [{"role": "user", "content": QUESTION}]
    whole = client.chat.completions.create(
        model=chat_model,
        messages=messages,
        max_tokens=48,
        temperature=0,
        seed=7,  # type: ignore[arg-type]
    )
    assert whole.choices[0].message.content == ask(client, chat_model, messages)[0]


def test_a_request_that_follows_a_stream_is_always_answered(client: openai.OpenAI, chat_model: str) -> None:
    """llama-server closes its connection after a stream without saying so: nobody may send on it again."""
    for _ in range(60):
        ask(client, chat_model, [{"role": "user", "content": QUESTION}], max_tokens=2)
        assert client.completions.create(model=chat_model, prompt=QUESTION, max_tokens=1).choices


def test_the_openai_client_gets_embeddings(client: openai.OpenAI, spec: StackSpec) -> None:
    """It asks for base64 unless told otherwise, and decodes it itself."""
    model = next(model for model in spec.models if model.kind == "embedding")
    texts = ["The cat sits on the mat.", "A cat is sitting on a mat.", "Interest rates rose by half a percent."]
    entries = client.embeddings.create(model=model.name, input=texts).data
    one, near, far = (entry.embedding for entry in entries)
    assert {len(vector) for vector in (one, near, far)} == {model.dimensions}
    assert dot(one, near) > dot(one, far)
    again = client.embeddings.create(model=model.name, input=texts[0], encoding_format="float").data[0].embedding
    assert again == pytest.approx(one, abs=1e-3)


def dot(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def test_the_openai_client_knows_our_errors_by_its_own_classes(client: openai.OpenAI, chat_model: str) -> None:
    messages = [{"role": "user", "content": QUESTION}]
    with pytest.raises(openai.NotFoundError) as missing:
        client.chat.completions.create(model="no-such-model", messages=messages)  # type: ignore[arg-type]
    assert missing.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as wrong:
        client.chat.completions.create(model=chat_model, messages=messages, max_tokens=10**9)  # type: ignore[arg-type]
    assert wrong.value.param == "max_tokens"
    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="tvt_wrong").models.list()


def curl(headers: Path, *argv: str) -> str:
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--fail-with-body", "--max-time", "60", "-H", f"@{headers}", *argv],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


def test_curl_streams_a_chat_as_it_is_generated(stack: Stack, headers: Path, chat_model: str) -> None:
    body = json.dumps(
        {"model": chat_model, "messages": [{"role": "user", "content": QUESTION}], "stream": True, "max_tokens": 48}
    )
    argv = ["curl", "--silent", "--no-buffer", "--max-time", "60", "-H", f"@{headers}", "-d", body]
    times, events = [], []
    with subprocess.Popen([*argv, f"{stack.url}/chat/completions"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("data: "):
                times.append(time.monotonic())
                events.append(line.removeprefix("data: ").strip())
    assert process.returncode == 0
    assert events[-1] == "[DONE]"
    answer = "".join(json.loads(event)["choices"][0]["delta"].get("content") or "" for event in events[:-1])
    assert answer
    assert times[0] < times[-1]


def test_curl_gets_an_embedding(stack: Stack, headers: Path, spec: StackSpec) -> None:
    model = next(model for model in spec.models if model.kind == "embedding")
    body = json.dumps({"model": model.name, "input": "The cat sits on the mat."})
    answer = json.loads(curl(headers, "-d", body, f"{stack.url}/embeddings"))
    assert len(answer["data"][0]["embedding"]) == model.dimensions


def test_curl_is_told_what_to_do_about_a_wrong_request(stack: Stack, headers: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        curl(headers, "-d", '{"model": "no-such-model", "messages": []}', f"{stack.url}/chat/completions")
    assert caught.value.returncode == 22
    assert json.loads(caught.value.stdout)["error"]["message"]
