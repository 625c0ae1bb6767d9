"""Server-sent events as they pass, however the network cuts them."""

from __future__ import annotations

import json
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from trivet_gateway.sse import EventReader
from trivet_gateway.usage import Usage

EVENT = {"choices": [{"index": 0, "delta": {"content": "x"}}]}
LAST = {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}}
DONE = b"data: [DONE]\n\n"
TEXTS = st.lists(st.text() | st.sampled_from(['"usage":{', "data: ", "\n\n", '"error": {"a":1}']), max_size=8)


def said(text: str) -> bytes:
    return b"data: " + json.dumps({"choices": [{"index": 0, "delta": {"content": text}}]}).encode() + b"\n\n"


def framed(value: object) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def feed(reader: EventReader, data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    return [reader.feed(data[start:end]) for start, end in pairwise(places)]


@given(texts=TEXTS, cuts=st.lists(st.integers(0, 600), max_size=20), drop=st.booleans())
def test_all_events_pass_and_only_the_usage_is_left_out(texts: list[str], cuts: list[int], drop: bool) -> None:
    content = b"".join(said(text) for text in texts)
    reader = EventReader(drop_usage=drop)
    passed = b"".join(feed(reader, content + framed(LAST) + DONE, cuts)) + reader.close()
    assert passed == content + (b"" if drop else framed(LAST)) + DONE
    assert reader.usage == Usage(5, 3)
    assert not reader.failed


@given(texts=TEXTS, cuts=st.lists(st.integers(0, 600), max_size=20))
def test_whole_events_pass_at_once_and_parts_are_held_back(texts: list[str], cuts: list[int]) -> None:
    content = b"".join(said(text) for text in texts)
    for piece in feed(EventReader(), content, cuts):
        assert piece == b"" or piece.endswith(b"\n\n")


def test_carriage_returns_are_boundaries_too() -> None:
    event = framed(EVENT).replace(b"\n", b"\r\n")
    last = framed(LAST).replace(b"\n", b"\r\n")
    reader = EventReader(drop_usage=True)
    assert reader.feed(event + last) == event
    assert reader.usage == Usage(5, 3)


def test_a_usage_beside_choices_is_counted_and_passed() -> None:
    event = framed({**EVENT, "usage": {"prompt_tokens": 1, "completion_tokens": 2}})
    reader = EventReader(drop_usage=True)
    assert reader.feed(event) == event
    assert reader.usage == Usage(1, 2)


def test_an_error_within_the_stream_is_noticed_and_passed() -> None:
    for event in (framed({"error": {"message": "out of memory"}}), b'error: {"error":{"message":"x"}}\n\n'):
        reader = EventReader(drop_usage=True)
        assert reader.feed(event) == event
        assert reader.failed


def test_content_events_are_counted_without_the_usage() -> None:
    reader = EventReader(drop_usage=True)
    reader.feed(framed(EVENT) * 3 + framed(LAST))
    assert reader.events == 3


def test_an_unbelievable_usage_is_not_believed() -> None:
    for usage in ({"prompt_tokens": -1, "completion_tokens": 1}, {"prompt_tokens": True}, {"prompt_tokens": "7"}, {}):
        reader = EventReader(drop_usage=True)
        event = framed({"choices": [], "usage": usage})
        assert reader.feed(event) == event
        assert reader.usage is None
