"""The audit's database: it goes on where it ended, and refuses to go on where it was tampered with."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.unit.gateway.test_audit_chain import entry, raw, tamper
from trivet_gateway.audit.intents import SLOTS, Intents, read
from trivet_gateway.audit.store import AuditBroken, Store
from trivet_gateway.audit.verify import verify


def test_a_restart_continues_the_chain(tmp_path: Path) -> None:
    path = tmp_path / "audit.sqlite"
    for numbers in (range(1, 4), range(4, 6)):
        store = Store(path)
        for number in numbers:
            store.append([entry(number)])
        store.close()
    assert (verify(path).rows, verify(path).broken) == (5, None)


def test_an_intent_left_alone_becomes_an_interrupted_row(tmp_path: Path) -> None:
    path = tmp_path / "audit.sqlite"
    store = Store(path)
    begun, done = entry(1), entry(2)
    store.begin(begun)
    store.begin(done)
    store.append([done])
    assert verify(path).in_flight == 1
    # As a kill leaves it: nothing is written any more.
    again = Store(path)
    again.close()
    row = raw(path)[1]
    assert again.interrupted == 1
    assert row[2] == "r1"
    assert (row[8], row[9]) == (0, "interrupted")
    assert (verify(path).rows, verify(path).in_flight, verify(path).broken) == (2, 0, None)
    store.close()


def test_a_kill_between_a_row_and_the_end_of_its_intent_leaves_one_row(tmp_path: Path) -> None:
    path = tmp_path / "audit.sqlite"
    store = Store(path)
    for number in (1, 2):
        store.append([entry(number)])
    last = entry(3)
    store.begin(last)
    last.slot = None  # its end is never written
    store.append([last])
    again = Store(path)
    assert again.interrupted == 0
    again.close()
    store.close()
    assert (verify(path).rows, verify(path).in_flight) == (3, 0)


def test_more_intents_than_there_is_room_for_make_room(tmp_path: Path) -> None:
    path = tmp_path / "intents"
    intents = Intents(path)
    slots = [intents.begin(entry(number)) for number in range(SLOTS + 5)]
    assert len(set(slots)) == len(read(path)) == SLOTS + 5
    for slot in slots[5:]:
        intents.end(slot)
    intents.close()
    left = Intents(path)
    assert sorted(intent.request for intent in left.left.values()) == [f"r{number}" for number in range(5)]
    assert left.begin(entry(9)) not in left.left
    left.close()


def test_the_longest_names_fit_into_an_intent(tmp_path: Path) -> None:
    intents = Intents(tmp_path / "intents")
    longest = entry(1)
    longest.request, longest.route, longest.model = "x" * 128, "\x01" * 200, "\x01" * 200
    longest.team = longest.key = longest.data_class = "\x01" * 256
    slots = [intents.begin(longest), intents.begin(entry(2)), intents.begin(longest)]
    intents.close()
    assert [intent.request for intent in read(tmp_path / "intents").values()] == ["x" * 128, "r2", "x" * 128]
    assert slots == [0, 1, 2]


def test_only_its_owner_may_read_an_audit(tmp_path: Path) -> None:
    path = tmp_path / "audit.sqlite"
    store = Store(path)
    store.append([entry(1)])
    assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o600}
    store.close()


def test_a_chain_that_was_cut_is_not_continued(tmp_path: Path) -> None:
    path = tmp_path / "audit.sqlite"
    store = Store(path)
    for number in (1, 2, 3):
        store.append([entry(number)])
    store.close()
    tamper(path, "DELETE FROM audit WHERE seq = 3")
    with pytest.raises(AuditBroken, match="keep the file as evidence"):
        Store(path)


def test_another_database_is_not_taken_for_an_audit(tmp_path: Path) -> None:
    path = tmp_path / "audit.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE other (x)")
        db.commit()
    with pytest.raises(AuditBroken, match="no audit database of version 1"):
        Store(path)


def test_an_honest_hand_cannot_change_a_row(tmp_path: Path) -> None:
    path = tmp_path / "audit.sqlite"
    store = Store(path)
    store.append([entry(1)])
    with closing(sqlite3.connect(path)) as db:
        for statement in ("UPDATE audit SET team = 'blue'", "DELETE FROM audit"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                db.execute(statement)
    store.close()


def test_a_second_writer_is_a_fault_and_not_a_fork(tmp_path: Path) -> None:
    path = tmp_path / "audit.sqlite"
    one, other = Store(path), Store(path)
    one.append([entry(1)])
    with pytest.raises(sqlite3.IntegrityError):
        other.append([entry(2)])
    one.append([entry(3)])
    one.close()
    other.close()
    assert (verify(path).rows, verify(path).broken) == (2, None)


def test_the_write_ahead_log_begins_anew_after_a_sync(tmp_path: Path) -> None:
    path = tmp_path / "audit.sqlite"
    store = Store(path)
    log = path.with_name("audit.sqlite-wal")
    sizes = []
    for _ in range(5):
        store.append([entry(number) for number in range(100)])
        store.sync()
        sizes.append(log.stat().st_size)
    assert max(sizes) < 2 * sizes[0]
    store.close()
    assert (verify(path).rows, verify(path).broken) == (500, None)
