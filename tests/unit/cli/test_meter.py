"""Progress on stderr: bytes, rate and time left."""

from __future__ import annotations

import io

import pytest

from trivet.cli import meter
from trivet.cli.meter import Meter, clock, describe, size

GIB = 1 << 30


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_line_says_bytes_rate_and_time_left() -> None:
    assert describe("install", GIB, 4 * GIB, 2.0) == "install  1.0 GiB of 4.0 GiB (25 %)  512.0 MiB/s  6 s left"


def test_a_line_says_at_the_end_how_long_it_took() -> None:
    assert describe("install", GIB, GIB, 2.0) == "install  1.0 GiB of 1.0 GiB (100 %)  512.0 MiB/s  2.0 s"


def test_a_line_that_has_just_begun_says_no_time() -> None:
    assert describe("verify", 0, GIB, 0.0) == "verify   0 B of 1.0 GiB (0 %)  0 B/s"


@pytest.mark.parametrize(("count", "text"), [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (5 << 40, "5120.0 GiB")])
def test_sizes_are_read_easily(count: int, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (61, "1 min 01 s"), (7260, "2 h 01 min")])
def test_times_are_read_easily(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_a_terminal_gets_one_line_a_step_that_is_redrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meter, "REDRAW", 0.0)
    stream = Terminal()
    shown = Meter(stream)
    shown.begin("install", 10)
    shown.advance(4)
    shown.advance(6)
    shown.end()
    assert stream.getvalue().count("\r") == 3
    assert stream.getvalue().count("\n") == 1


def test_a_log_gets_one_plain_line_a_step_that_is_short() -> None:
    stream = io.StringIO()
    shown = Meter(stream)
    shown.begin("verify", 10)
    shown.advance(10)
    shown.begin("install", 10)
    shown.advance(10)
    shown.end()
    shown.end()
    lines = stream.getvalue().splitlines()
    assert [line.split()[0] for line in lines] == ["verify", "install"]
    assert "\r" not in stream.getvalue()


def test_a_step_without_bytes_is_not_worth_a_line() -> None:
    stream = io.StringIO()
    shown = Meter(stream)
    shown.begin("verify what is there", 0)
    shown.end()
    assert stream.getvalue() == ""
