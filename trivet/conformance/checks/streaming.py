"""Streaming: whole, framed, early, and with the usage only for those who asked for it."""

from __future__ import annotations

from typing import Any

from trivet.conformance.breach import BreachError, InapplicableError, require
from trivet.conformance.check import Check
from trivet.conformance.examination import Examination
from trivet.conformance.prompts import LONG_QUESTIONS, chat_body, completion_body
from trivet.conformance.routes import CHAT, COMPLETIONS
from trivet.conformance.shapes import ChatChunk, ChatCompletion, CompletionChunk
from trivet.conformance.stream import EVENT_STREAM, Chunk, Stream, read_stream

BUFFERED = "something between model and client collects the answer: look for a proxy that buffers"
FRAMES = "compare with the model's own stream: `curl -N` at its container"
WITH_USAGE: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}
MIN_TOKENS = 8
# Text that has been held back comes at the very end. Of a stream that passes text on, most is still to come then.
LATEST_FIRST = 0.9
ATTEMPTS = 3
# What buffers does so each time; on a busy machine a short answer may come in one piece now and then.
STREAMS = 10


def _framing(examination: Examination) -> str:
    models = examination.access.models_for(CHAT)
    for model in models:
        stream = _chat(examination, chat_body(model.name, stream=True))
        _require_framed(model.name, stream)
    return _streams(len(models))


def _completions(examination: Examination) -> str:
    models = examination.access.models_for(COMPLETIONS)
    for model in models:
        reply = examination.access.served(COMPLETIONS, completion_body(model.name, stream=True))
        _require_framed(model.name, read_stream(reply, CompletionChunk))
    return _streams(len(models))


def _require_framed(model: str, stream: Stream) -> None:
    require(stream.media_type == EVENT_STREAM, f"{model}: Content-Type {stream.media_type!r}, not {EVENT_STREAM}")
    require(bool(stream.chunks), f"{model}: a stream without a chunk")
    require(not stream.unfinished, f"{model}: the stream ends within an event")
    require(stream.closed, f"{model}: data: [DONE] is not the last event, or stands twice")
    ids = {timed.chunk.id for timed in stream.chunks}
    require(len(ids) == 1, f"{model}: the chunks of one answer have {len(ids)} ids")
    reasons = [_finish(timed.chunk) for timed in stream.chunks if timed.chunk.choices]
    require(bool(reasons and reasons[-1]), f"{model}: the last choice has no finish_reason")
    require(not any(reasons[:-1]), f"{model}: a finish_reason comes before the last choice")


def _finish(chunk: Chunk) -> str | None:
    return chunk.choices[0].finish_reason


def _early(examination: Examination) -> str:
    return "; ".join(_first_text(examination, model.name) for model in examination.access.models_for(CHAT))


def _first_text(examination: Examination, model: str) -> str:
    body = chat_body(model, _long_question(examination, model), stream=True)
    for _ in range(STREAMS):
        stream = _chat(examination, body)
        seen = f"{model}: first text after {stream.first_text:.3f} s of {stream.seconds:.3f} s"
        if stream.first_text <= LATEST_FIRST * stream.seconds:
            return seen
    raise BreachError(f"{seen}, as in {STREAMS - 1} streams before")


def _long_question(examination: Examination, model: str) -> str:
    most = 0
    for question in LONG_QUESTIONS:
        tokens = examination.access.ask(CHAT, chat_body(model, question), ChatCompletion).usage.completion_tokens
        if tokens >= MIN_TOKENS:
            return question
        most = max(most, tokens)
    raise InapplicableError(f"{model} gives at most {most} tokens; fewer than {MIN_TOKENS} cannot be timed")


def _usage(examination: Examination) -> str:
    seen = []
    for model in examination.access.models_for(CHAT):
        unasked = _chat(examination, chat_body(model.name, stream=True))
        require(not unasked.usages, f"{model.name}: a chunk carries a usage that was not asked for")
        require(all(timed.chunk.choices for timed in unasked.chunks), f"{model.name}: a chunk without choices, unasked")
        asked = _chat(examination, chat_body(model.name, **WITH_USAGE))
        require(len(asked.usages) == 1, f"{model.name}: {len(asked.usages)} chunks carry the usage that was asked for")
        last = asked.chunks[-1].chunk
        require(last.usage is not None and not last.choices, f"{model.name}: no last chunk of its own has the usage")
        seen.append(f"{model.name}: {asked.usages[0].total_tokens} tokens")
    return "; ".join(seen)


def _whole(examination: Examination) -> str:
    models = examination.access.models_for(CHAT)
    unsure = [model.name for model in models if not _same_text(examination, model.name)]
    if unsure:
        raise InapplicableError(f"{', '.join(unsure)}: plain answers at temperature 0 with one seed differ each time")
    return f"{len(models)} equal"


def _same_text(examination: Examination, model: str) -> bool:
    """True when a streamed answer equals the plain one; False when even two plain ones do not.

    A runtime that computes in batches may round otherwise in other company: only beside two equal plain answers does a
    different stream say that something was lost, doubled or changed on the way.
    """
    body = chat_body(model)
    before = examination.access.ask(CHAT, body, ChatCompletion).text
    for _ in range(ATTEMPTS):
        streamed = _chat(examination, {**body, "stream": True}).text
        after = examination.access.ask(CHAT, body, ChatCompletion).text
        if streamed in {before, after}:
            return True
        if before == after:
            raise BreachError(f"{model}: streamed {streamed!r}; not streamed {before!r}")
        before = after
    return False


def _chat(examination: Examination, body: object) -> Stream:
    return read_stream(examination.access.served(CHAT, body), ChatChunk)


def _streams(count: int) -> str:
    return f"{count} stream{'' if count == 1 else 's'} in order"


CHECKS = (
    Check("streaming.framing", "A chat streams as server-sent events of one id, then [DONE].", FRAMES, _framing),
    Check("streaming.completions", "A completion streams in the same way.", FRAMES, _completions),
    Check("streaming.early", "The first text comes while the rest is still being generated.", BUFFERED, _early),
    Check("streaming.usage", "The usage is in one last chunk if asked for, and nowhere if not.", FRAMES, _usage),
    Check("streaming.whole", "The streamed pieces make up the answer that is not streamed.", FRAMES, _whole),
)
