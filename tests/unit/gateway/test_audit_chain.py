"""The chain: any change to the database is found, and named by its row."""

# ruff: noqa: S608  # what is written into the statements is this file's own

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from trivet_gateway.audit.chain import COLUMNS, EMPTY, GENESIS, Head, Walk, link
from trivet_gateway.audit.entry import Entry
from trivet_gateway.audit.store import Store
from trivet_gateway.audit.verify import Report, parse_head, verify

ROWS = 8
LAST = ROWS
VALUES = st.none() | st.integers(-(2**40), 2**40) | st.floats(0, 1e6) | st.text(max_size=8) | st.binary(max_size=8)


def entry(number: int) -> Entry:
    made = Entry(request=f"r{number}", route="/v1/chat/completions", time=f"2026-01-01T00:00:{number:02}.000000+00:00")
    made.team, made.key, made.model, made.data_class = "red", "main", "small", "internal"
    made.prompt_tokens, made.completion_tokens, made.charged_tokens = number, 2 * number, 3 * number
    made.first_byte_ms, made.latency_ms = 1.25 * number, 2.5 * number
    made.prompt = f'["ünï\u0000 {number}"]' if number % 2 else None
    made.close(200, "ok")
    return made


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed audit of eight rows."""
    path = tmp_path_factory.mktemp("audit") / "audit.sqlite"
    store = Store(path)
    for number in range(1, ROWS + 1):
        store.append([entry(number)])
    store.close()
    return path


@contextmanager
def copy(of: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "audit.sqlite")
        shutil.copy(of, path)
        yield path


def tamper(path: Path, *statements: str, values: tuple[Any, ...] = ()) -> None:
    """Write as somebody does who has the file: without the triggers that stop an honest hand."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA synchronous=OFF")
        for kind, name in db.execute("SELECT type, name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP {kind} {name}")
        for statement in statements:
            db.execute(statement, values)
        db.commit()


def raw(path: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute("SELECT * FROM audit ORDER BY seq").fetchall()


def broken_at(report: Report) -> int:
    assert report.broken is not None, "the change was not found"
    assert report.rows < report.broken.seq or report.rows == LAST
    return report.broken.seq


def test_an_untouched_chain_holds(whole: Path) -> None:
    report = verify(whole)
    assert (report.rows, report.head.seq, report.in_flight, report.broken) == (ROWS, ROWS, 0, None)
    assert verify(whole, [report.head, EMPTY]).broken is None


@given(row=st.integers(1, ROWS), column=st.sampled_from([*COLUMNS, "hash"]), value=VALUES)
def test_any_edited_cell_is_found(whole: Path, row: int, column: str, value: Any) -> None:
    with copy(whole) as path:
        before = raw(path)
        try:
            tamper(path, f"UPDATE audit SET {column} = ? WHERE seq = {row}", values=(value,))
        except (sqlite3.IntegrityError, OverflowError):  # the schema itself does not take it
            assume(condition=False)
        assume(raw(path) != before)
        found = broken_at(verify(path))
        assert found <= row if column == "seq" else found == row


@given(first=st.integers(1, ROWS - 1), count=st.integers(1, ROWS))
def test_missing_rows_are_found(whole: Path, first: int, count: int) -> None:
    with copy(whole) as path:
        tamper(path, f"DELETE FROM audit WHERE seq >= {first} AND seq < {first + count}")
        assert broken_at(verify(path)) == first


@given(one=st.integers(1, ROWS), other=st.integers(1, ROWS))
def test_swapped_rows_are_found(whole: Path, one: int, other: int) -> None:
    assume(one != other)
    with copy(whole) as path:
        tamper(
            path,
            f"UPDATE audit SET seq = -1 WHERE seq = {one}",
            f"UPDATE audit SET seq = {one} WHERE seq = {other}",
            f"UPDATE audit SET seq = {other} WHERE seq = -1",
        )
        assert broken_at(verify(path)) == min(one, other)


@given(gone=st.integers(1, ROWS - 1))
def test_rows_that_close_up_over_a_missing_one_are_found(whole: Path, gone: int) -> None:
    with copy(whole) as path:
        later = [f"UPDATE audit SET seq = {row - 1} WHERE seq = {row}" for row in range(gone + 1, ROWS + 1)]
        tamper(path, f"DELETE FROM audit WHERE seq = {gone}", *later)
        assert broken_at(verify(path)) == gone


def test_a_doubled_row_is_found(whole: Path) -> None:
    columns = ", ".join([*COLUMNS[1:], "hash"])
    with copy(whole) as path:
        tamper(path, f"INSERT INTO audit (seq, {columns}) SELECT {ROWS + 1}, {columns} FROM audit WHERE seq = {ROWS}")
        assert broken_at(verify(path)) == ROWS + 1


def test_a_row_before_the_first_is_found(whole: Path) -> None:
    columns = ", ".join([*COLUMNS[1:], "hash"])
    with copy(whole) as path:
        tamper(path, f"INSERT INTO audit (seq, {columns}) SELECT 0, {columns} FROM audit WHERE seq = 1")
        assert broken_at(verify(path)) == 1


def test_rows_missing_at_the_end_are_found_by_the_head(whole: Path) -> None:
    with copy(whole) as path:
        tamper(path, f"DELETE FROM audit WHERE seq > {ROWS - 2}")
        report = verify(path)
        assert broken_at(report) == ROWS - 1
        assert "rows 7 to 8 are missing at the end" in str(report.broken)


@pytest.mark.parametrize(
    "change", ["UPDATE head SET seq = 3", "UPDATE head SET hash = 'x'", "DELETE FROM head", "UPDATE head SET seq = 99"]
)
def test_a_changed_head_is_found(whole: Path, change: str) -> None:
    with copy(whole) as path:
        tamper(path, change)
        assert verify(path).broken is not None


def rewrite(path: Path, rows: int, **changes: Any) -> None:
    """Write the chain anew, as somebody does who knows its rule and can write the whole file."""
    kept = [dict(zip(COLUMNS, values[:-1], strict=True)) for values in raw(path)][:rows]
    previous = GENESIS
    tamper(path, "DELETE FROM audit")
    with closing(sqlite3.connect(path)) as db:
        for row in kept:
            values = [{**row, **changes}[column] for column in COLUMNS]
            previous = link(previous, values)
            db.execute(f"INSERT INTO audit VALUES ({', '.join('?' * (len(values) + 1))})", [*values, previous])
        db.execute("UPDATE head SET seq = ?, hash = ?", (rows, previous))
        db.commit()


def test_only_a_head_on_file_shows_a_chain_that_was_cut_and_closed_again(whole: Path) -> None:
    on_file = verify(whole).head
    with copy(whole) as path:
        rewrite(path, ROWS - 1)
        assert verify(path).broken is None
        assert broken_at(verify(path, [on_file])) == ROWS


def test_only_a_head_on_file_shows_a_chain_that_was_written_anew(whole: Path) -> None:
    on_file = [Head(row[0], row[-1]) for row in raw(whole)]
    with copy(whole) as path:
        rewrite(path, ROWS, team="blue")
        assert verify(path).broken is None
        for head in on_file:
            assert broken_at(verify(path, [head])) == head.seq
    assert verify(whole, on_file).broken is None


def test_an_older_head_on_file_still_holds_when_the_chain_has_grown(whole: Path) -> None:
    with copy(whole) as path:
        on_file = verify(path).head
        store = Store(path)
        store.append([entry(9)])
        store.close()
        assert verify(path, [on_file]).broken is None


@given(
    row=st.lists(
        st.none() | st.text() | st.integers(-(2**63), 2**63 - 1) | st.floats(0, 1e9).map(lambda ms: round(ms, 3)),
        max_size=6,
    )
)
def test_the_canonical_row_is_what_the_standard_library_writes(row: list[Any]) -> None:
    text = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
    try:
        canonical = text.encode()
    except UnicodeEncodeError:  # half a surrogate pair: no client can send one, for JSON with one is refused
        assume(condition=False)
    assert link("p", row) == hashlib.sha256(b"p" + canonical).hexdigest()


def test_a_damaged_page_is_a_break_and_not_a_crash(whole: Path) -> None:
    with copy(whole) as path:
        data = bytearray(path.read_bytes())
        data[1024:3072] = b"\xff" * 2048
        path.write_bytes(data)
        assert verify(path).broken is not None


def test_what_is_no_database_is_a_break(tmp_path: Path) -> None:
    path = tmp_path / "audit.sqlite"
    path.write_bytes(b"not a database, but long enough to be looked at as one" * 40)
    assert "not a database" in str(verify(path).broken)


def test_verifying_leaves_nothing_beside_the_file(whole: Path) -> None:
    with copy(whole) as path:
        path.chmod(0o444)
        verify(path)
        assert list(path.parent.iterdir()) == [path]


def test_a_head_is_read_as_it_is_printed() -> None:
    head = Head(12, "ab" * 32)
    assert parse_head(str(head)) == head
    for text in ("", "12", "12:xyz", f"x:{head.hash}", f"12:{head.hash} "):
        with pytest.raises(ValueError, match="is no head"):
            parse_head(text)


def test_a_walk_stops_at_its_first_break() -> None:
    walk = Walk()
    assert walk.step([2], "x") is not None
    assert walk.head == EMPTY
