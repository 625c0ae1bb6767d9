"""A streamed answer: its events, its chunks, and when they came."""

from __future__ import annotations

from dataclasses import dataclass

from trivet.conformance.http import Reply
from trivet.conformance.shapes import ChatChunk, CompletionChunk, Usage, parse_shape
from trivet.conformance.sse import parse_events

DONE = "[DONE]"
EVENT_STREAM = "text/event-stream"
Chunk = ChatChunk | CompletionChunk


@dataclass(frozen=True)
class TimedChunk:
    """A chunk, and when its last byte was read: seconds since the request was sent."""

    chunk: Chunk
    at: float

    @property
    def text(self) -> str:
        """What it adds to the first answer."""
        return "".join(choice.text for choice in self.chunk.choices if choice.index == 0)


@dataclass(frozen=True)
class Stream:
    """A streamed answer.

    Attributes:
        chunks: in the order in which they came.
        closed: the last event, and no other, is `[DONE]`.
        unfinished: the stream ended within an event.
        media_type: of the response.
        seconds: from the request's first byte to the response's last.
    """

    chunks: tuple[TimedChunk, ...]
    closed: bool
    unfinished: bool
    media_type: str
    seconds: float

    @property
    def text(self) -> str:
        """The pieces of the first answer, put together."""
        return "".join(chunk.text for chunk in self.chunks)

    @property
    def usages(self) -> tuple[Usage, ...]:
        """Every usage that a chunk carries."""
        return tuple(chunk.chunk.usage for chunk in self.chunks if chunk.chunk.usage is not None)

    @property
    def first_text(self) -> float:
        """When the first piece of text came; the end, if none did."""
        return next((chunk.at for chunk in self.chunks if chunk.text), self.seconds)


def read_stream(reply: Reply, shape: type[Chunk]) -> Stream:
    """The stream in a reply.

    Raises:
        BreachError: an event is neither a chunk in this shape nor `[DONE]`.
    """
    events, unfinished = parse_events(reply.reads)
    chunks = [TimedChunk(parse_shape(shape, event.data), event.at) for event in events if event.data != DONE]
    closed = len(events) == len(chunks) + 1 and events[-1].data == DONE
    media_type = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
    return Stream(tuple(chunks), closed, unfinished, media_type, reply.seconds)
