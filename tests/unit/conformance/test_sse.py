"""Server-sent events come out the same however the network has cut the bytes."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivet.conformance.http import Read
from trivet.conformance.sse import EventParser, parse_events

LINES = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=20)
ENDS = st.sampled_from(["\n", "\r\n", "\r"])
NOISE = st.sampled_from(["", ": a comment", "event: x", "id: 1", "retry: 5", "unknown"])


def parse(text: bytes, cuts: list[int] | None = None) -> tuple[list[str], bool]:
    edges = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts or [])})
    reads = [Read(0.0, text[start:end]) for start, end in pairwise(edges)]
    events, unfinished = parse_events(reads)
    return [event.data for event in events], unfinished


@given(
    events=st.lists(st.lists(LINES, min_size=1, max_size=3), max_size=5),
    end=ENDS,
    noise=NOISE,
    bom=st.booleans(),
    cuts=st.lists(st.integers(0, 1000), max_size=8),
)
def test_events_survive_any_line_end_any_comment_and_any_cut(
    events: list[list[str]], end: str, noise: str, bom: bool, cuts: list[int]
) -> None:
    text = "".join(
        (noise + end if noise else "") + "".join(f"data: {line}{end}" for line in lines) + end for lines in events
    )
    found, unfinished = parse(("\ufeff" * bom + text).encode(), cuts)
    assert found == ["\n".join(lines) for lines in events]
    assert not unfinished


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=8))
def test_any_bytes_cut_anywhere_give_the_same_events(text: bytes, cuts: list[int]) -> None:
    assert parse(text, cuts) == parse(text)


@pytest.mark.parametrize(
    ("text", "events"),
    [
        (b"data: a\n\n", ["a"]),
        (b"data:a\n\n", ["a"]),
        (b"data:  a\n\n", [" a"]),
        (b"data\n\n", [""]),
        (b"data: a\r\rdata: b\r\n\r\n", ["a", "b"]),
        (b"dat: a\n\n", []),
        (b"\n\n\n", []),
    ],
)
def test_lines_are_read_as_the_standard_says(text: bytes, events: list[str]) -> None:
    assert parse(text) == (events, False)


@pytest.mark.parametrize("text", [b"data: a", b"data: a\n", b"data: a\n\nda"])
def test_an_event_that_no_empty_line_ends_is_noticed(text: bytes) -> None:
    assert parse(text)[1]


def test_an_event_comes_when_its_last_byte_has_come() -> None:
    parser = EventParser()
    assert parser.feed(b"data: a\n", 1.0) == []
    (event,) = parser.feed(b"\n", 2.0)
    assert (event.data, event.at) == ("a", 2.0)
