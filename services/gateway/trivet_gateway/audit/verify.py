"""Finds any row of an audit that was edited, removed, added or moved. Reads only; the gateway may be running."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from trivet_gateway.audit.chain import Break, Head, Walk
from trivet_gateway.audit.intents import path_of, read
from trivet_gateway.audit.schema import SELECT_HEAD, SELECT_ROWS

HEAD = re.compile(r"(\d{1,18}):([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Report:
    """What was found.

    Attributes:
        rows: rows that hold, from the first on.
        head: number and hash of the last of them: file it elsewhere, and pass it as `expect` next time.
        in_flight: requests on their way to a model, or left by a killed gateway that was not started again.
        broken: the first break; None when the whole chain holds.
    """

    rows: int
    head: Head
    in_flight: int
    broken: Break | None


def parse_head(text: str) -> Head:
    """Read a head as it is printed, `<number>:<hash>`.

    Raises:
        ValueError: it is not written so.
    """
    if match := HEAD.fullmatch(text):
        return Head(int(match[1]), match[2])
    raise ValueError(f"'{text}' is no head; write <number>:<64 hexadecimal digits>, as `trivet audit verify` prints it")


def verify(path: Path, expect: Iterable[Head] = ()) -> Report:
    """Follow the chain of the database at `path` from its first row; `expect` are heads that were filed elsewhere.

    Raises:
        FileNotFoundError: there is no such file.
        sqlite3.Error: it cannot be opened (a file that is no database, or whose pages are damaged, is a break instead).
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; name the audit database, e.g. /var/lib/trivet/audit.sqlite")
    # Without a write-ahead log nobody is writing: the file is read as it is, and nothing is created beside it.
    quiet = not path.with_name(f"{path.name}-wal").exists()
    uri = f"{path.absolute().as_uri()}?{'immutable=1' if quiet else 'mode=ro'}"
    walk = Walk(expect)
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as db:
        try:
            db.execute("BEGIN")  # one snapshot, so that rows and head belong together
            _walk(db, walk)
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            if isinstance(error, sqlite3.OperationalError) and "unable to open" in str(error):
                raise
            walk.broken = Break(walk.head.seq + 1, f"the database cannot be read here: {error}")
    return Report(rows=walk.head.seq, head=walk.head, in_flight=len(read(path_of(path))), broken=walk.broken)


def _walk(db: sqlite3.Connection, walk: Walk) -> None:
    for *values, stored in db.execute(SELECT_ROWS):
        if walk.step(values, stored):
            return
    heads = [Head(*row) for row in db.execute(SELECT_HEAD)]
    walk.end(heads[0] if len(heads) == 1 else None)
