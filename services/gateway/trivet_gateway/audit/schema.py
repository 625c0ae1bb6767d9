"""The tables of the audit database."""

from __future__ import annotations

from typing import Final

from trivet_gateway.audit.chain import COLUMNS, GENESIS
from trivet_gateway.audit.intents import Intent

VERSION: Final = 1
# The head moves with every row, in the same transaction.
SCHEMA: Final = f"""
BEGIN;
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    time TEXT NOT NULL,
    request TEXT NOT NULL,
    team TEXT,
    key TEXT,
    route TEXT NOT NULL,
    model TEXT,
    data_class TEXT,
    status INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    served_by TEXT,
    prompt_tokens INTEGER,
    completion_tokens INTEGER,
    charged_tokens INTEGER,
    first_byte_ms REAL,
    latency_ms REAL,
    prompt TEXT,
    hash TEXT NOT NULL
) STRICT;
CREATE TABLE head (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    seq INTEGER NOT NULL,
    hash TEXT NOT NULL
) STRICT;
INSERT INTO head VALUES (1, 0, '{GENESIS}');
CREATE TRIGGER audit_head AFTER INSERT ON audit BEGIN
    UPDATE head SET seq = NEW.seq, hash = NEW.hash;
END;
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only');
END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only');
END;
PRAGMA user_version = {VERSION};
COMMIT;
"""  # noqa: S608  # names and constants of our own

INSERT_ROW: Final = f"INSERT INTO audit VALUES ({', '.join('?' * (len(COLUMNS) + 1))})"  # noqa: S608
SELECT_ROWS: Final = f"SELECT {', '.join(COLUMNS)}, hash FROM audit ORDER BY seq"  # noqa: S608
SELECT_LAST: Final = "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1"
SELECT_LAST_INTENTS: Final = f"SELECT {', '.join(Intent.__slots__)} FROM audit ORDER BY seq DESC LIMIT ?"  # noqa: S608
SELECT_HEAD: Final = "SELECT seq, hash FROM head"
