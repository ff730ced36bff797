"""The tables of the store, as a list of steps that only ever grows.

A store's `PRAGMA user_version` is the number of steps it has taken. A released step is never
changed: what comes later is a new function at the end of `MIGRATIONS`.

    contents          bytes that are kept once: messages, blocks of prompts, setups
    nodes             sequences of contents as a tree: a node is its parent's sequence and one more
    receipts          one row a call, pointing at the last node of each of its sequences
    receipt_messages  the messages that were new in a receipt: what a search finds it by
    message_text      full-text index over messages; its rowid is the message's content
    vocabularies      one row a vocabulary, and in
    pieces            the bytes of its tokens, as far as receipts mention them
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw

from ..errors import StoreError, StoreTooNew
from .packing import unsqueeze

APPLICATION_ID = 0x50454C4C
""""PELL", at byte 68 of the file: how `file` and we tell a store from another database."""

Migration = Callable[[apsw.Connection], object]


def first_tables(db: apsw.Connection) -> None:
    """Version 1.

    `parent < id` keeps the tree free of cycles whatever happens to a file. Foreign keys have no
    index on their side of the child: only `delete` would use it, and it sweeps everything anyway.
    """
    db.execute(
        f"""
        PRAGMA application_id = {APPLICATION_ID};
        CREATE TABLE contents (
            id INTEGER PRIMARY KEY,
            hash BLOB NOT NULL UNIQUE,
            data BLOB NOT NULL
        );
        CREATE TABLE nodes (
            id INTEGER PRIMARY KEY,
            parent INTEGER REFERENCES nodes CHECK (parent < id),
            content INTEGER NOT NULL REFERENCES contents,
            produced INTEGER REFERENCES contents,
            hash BLOB NOT NULL UNIQUE
        );
        CREATE TABLE vocabularies (
            id INTEGER PRIMARY KEY,
            fingerprint TEXT NOT NULL UNIQUE
        );
        CREATE TABLE pieces (
            vocabulary INTEGER NOT NULL REFERENCES vocabularies,
            id INTEGER NOT NULL,
            piece BLOB NOT NULL,
            PRIMARY KEY (vocabulary, id)
        ) WITHOUT ROWID;
        CREATE TABLE receipts (
            number INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            created REAL NOT NULL,
            model TEXT NOT NULL,
            conversation TEXT NOT NULL,
            parent TEXT,
            finish TEXT NOT NULL,
            question TEXT NOT NULL,
            answer TEXT NOT NULL,
            input_tokens INTEGER NOT NULL,
            output_tokens INTEGER NOT NULL,
            reply INTEGER NOT NULL REFERENCES nodes,
            dropped INTEGER REFERENCES nodes,
            prompt INTEGER REFERENCES nodes,
            vocabulary INTEGER REFERENCES vocabularies,
            setup INTEGER NOT NULL REFERENCES contents,
            details BLOB NOT NULL,
            tokens BLOB NOT NULL,
            hash BLOB NOT NULL
        );
        CREATE INDEX receipts_by_conversation ON receipts (conversation);
        CREATE TABLE receipt_messages (
            content INTEGER NOT NULL REFERENCES contents,
            receipt INTEGER NOT NULL REFERENCES receipts,
            PRIMARY KEY (content, receipt)
        ) WITHOUT ROWID;
        CREATE VIRTUAL TABLE message_text USING fts5 (
            text, content='', columnsize=0,
            tokenize="unicode61 remove_diacritics 2 categories 'L* N* Co So'"
        );
        INSERT INTO message_text (message_text, rank) VALUES ('secure-delete', 1);
        """
    )


def kinds(db: apsw.Connection) -> None:
    """Version 2: what a receipt is of, beside its setup, which says so too; NULL is a conversation.

    NULL at the end of a row is read without the row's long columns, and is in no index, so that
    conversations cost nothing.
    """
    db.execute(
        """
        ALTER TABLE receipts ADD COLUMN kind TEXT;
        CREATE INDEX receipts_by_kind ON receipts (kind, id) WHERE kind IS NOT NULL;
        """
    )
    rows: Any = db.execute("SELECT number, data FROM receipts JOIN contents ON contents.id = setup")
    found = ((json.loads(unsqueeze(data)).get("kind"), number) for number, data in rows)
    others = [each for each in found if each[0] not in (None, "conversation")]
    db.executemany("UPDATE receipts SET kind = ? WHERE number = ?", others)


def familiar_words(db: apsw.Connection) -> None:
    """Version 3: what is deflated may refer to words that an older Pellucid does not have, and so
    is not to open the store."""


MIGRATIONS: tuple[Migration, ...] = (first_tables, kinds, familiar_words)


def migrate(db: apsw.Connection, path: Path, migrations: Sequence[Migration]) -> None:
    """Bring the store at `path`, open as `db`, to the newest schema.

    Each step is one transaction, which also checks the foreign keys. Before each step of a store
    that holds receipts a copy is laid beside it. Raises `StoreTooNew` or `StoreError`, without
    having touched the file, when it is not for this version of Pellucid.
    """
    while (version := check_version(db, path, len(migrations))) < len(migrations):
        # Off while tables are rebuilt (https://sqlite.org/lang_altertable.html#otheralter);
        # SQLite ignores this pragma inside a transaction.
        db.execute("PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE")
        try:
            # Another process may have been faster.
            if check_version(db, path, len(migrations)) == version:
                _step(db, path, version, migrations[version])
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
    db.execute("PRAGMA foreign_keys = ON")


def check_version(db: apsw.Connection, path: Path, newest: int) -> int:
    """The version of a store; 0 for an empty file. Reads only."""
    # One statement sees one moment, also while another process makes the tables.
    row: Any = db.execute(
        """
        SELECT user_version, application_id, NOT EXISTS (SELECT * FROM sqlite_schema)
        FROM pragma_user_version, pragma_application_id
        """
    ).fetchone()
    version, kind, empty = row
    if kind != APPLICATION_ID and not (empty and version == 0 and kind == 0):
        raise StoreError(
            f"{path} is a SQLite database of another program, not a store of receipts; it was "
            "left alone. Name another file."
        )
    if version > newest:
        raise StoreTooNew(
            f"{path} was written by a newer Pellucid (schema {version}, this one knows {newest}); "
            "it was left alone. Upgrade with `pip install --upgrade pellucid`."
        )
    return int(version)


def _step(db: apsw.Connection, path: Path, version: int, migration: Migration) -> None:
    if version > 0 and db.execute("SELECT EXISTS (SELECT 1 FROM receipts)").get:
        back_up(path, path.with_name(f"{path.name}.v{version}.bak"))
    migration(db)
    if broken := db.execute("PRAGMA foreign_key_check").fetchall():
        raise StoreError(
            f"The step from schema {version} of {path} would break {len(broken)} rows."
        )
    db.execute(f"PRAGMA user_version = {version + 1}")


def back_up(path: Path, copy: Path) -> None:
    """A copy of the store at `path` in `copy`: complete or not there at all, for its owner only.

    The caller holds the store's write lock, so nothing changes and nobody else is here.
    """
    temporary = copy.with_name(f"{copy.name}.tmp")
    temporary.unlink(missing_ok=True)
    temporary.touch(0o600)
    with (
        closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)) as source,
        closing(apsw.Connection(str(temporary), flags=apsw.SQLITE_OPEN_READWRITE)) as target,
    ):
        target.execute("PRAGMA journal_mode = OFF")  # nothing to leave behind when killed
        with target.backup("main", source, "main") as backup:
            backup.step(-1)
    temporary.replace(copy)
