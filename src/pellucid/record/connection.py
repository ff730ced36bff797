"""Opening the store's file, transactions on it, and what went wrong with it in a sentence."""

from __future__ import annotations

import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import apsw

from ..errors import StoreError
from .migrations import MIGRATIONS, check_version, migrate

OLDEST_SQLITE = (3, 51, 3)
"""Earlier ones carry the WAL-reset bug: https://sqlite.org/wal.html#walresetbug."""

PATIENCE = 60.0
"""Seconds to wait for another process that writes."""


def connect(path: Path) -> apsw.Connection:
    """The store at `path`, made or migrated where needed. Raises `StoreError`."""
    check_library(apsw.sqlite_lib_version())
    _make_file(path)
    with explained(path):
        db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            _set_up(db, path)
        except BaseException:
            db.close()
            raise
    return db


def check_library(version: str) -> None:
    """Raises `StoreError` when this SQLite may damage a store."""
    if tuple(int(number) for number in version.split(".")) < OLDEST_SQLITE:
        oldest = ".".join(str(number) for number in OLDEST_SQLITE)
        raise StoreError(
            f"SQLite {version} can damage a store when two programs use it; {oldest} or newer is "
            f"needed. Install it with `pip install --upgrade 'apsw>={oldest}.0'`."
        )


def _make_file(path: Path) -> None:
    """An empty file that only its owner can read, in a folder that only its owner can enter.

    A folder that is there already keeps its mode: it may be anything the user named.
    """
    try:
        if not path.parent.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # An existing file must not be opened here: closing it would drop the locks that another
        # connection of this process holds on it (https://sqlite.org/howtocorrupt.html#_posix_ad).
        if not path.exists():
            path.touch(0o600)
        elif path.is_file() and stat.S_IMODE(path.stat().st_mode) & 0o077:
            path.chmod(0o600)
    except OSError as error:
        raise StoreError(
            f"The receipts cannot be kept in {path}: {error.strerror}. Choose a folder that can "
            "be written with XDG_DATA_HOME, or do without receipts (PELLUCID_LOG=no)."
        ) from error


def _set_up(db: apsw.Connection, path: Path) -> None:
    db.set_busy_timeout(int(PATIENCE * 1000))
    # Until the version is known nothing may be written, not even by closing.
    db.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    db.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
    db.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
    db.config(apsw.SQLITE_DBCONFIG_DQS_DML, 0)
    db.config(apsw.SQLITE_DBCONFIG_DQS_DDL, 0)
    version = check_version(db, path, len(MIGRATIONS))
    if db.readonly("main"):
        raise apsw.ReadOnlyError("the file is read-only")
    db.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)
    if version == 0:
        db.execute("PRAGMA auto_vacuum = INCREMENTAL")  # heeded before the first table only
    _use_wal(db)
    db.execute("PRAGMA synchronous = FULL; PRAGMA secure_delete = ON")
    migrate(db, path, MIGRATIONS)


def _use_wal(db: apsw.Connection) -> None:
    """Changing to WAL wants the file for itself and, unlike the rest, does not wait for it."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except apsw.BusyError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


@contextmanager
def transaction(
    db: apsw.Connection, path: Path, kind: Literal["DEFERRED", "IMMEDIATE"]
) -> Iterator[None]:
    """All or nothing. Readers see one moment; writers take their turn at the start."""
    with explained(path):
        db.execute(f"BEGIN {kind}")
        try:
            yield
            db.execute("COMMIT")
        except BaseException:
            # SQLite has rolled back by itself after some errors.
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """SQLite's errors as `StoreError`, with what to do next."""
    try:
        yield
    except apsw.Error as error:
        raise StoreError(_sentence(error, path)) from error


def _sentence(error: apsw.Error, path: Path) -> str:
    match error:
        case apsw.FullError():
            return f"The disk with {path} is full: nothing was written. Free some space, try again."
        case apsw.BusyError():
            return (
                f"Another program has been writing to {path} for {PATIENCE:.0f} seconds. Try again "
                "when it is done."
            )
        case apsw.NotADBError():
            return (
                f"{path} is not a store of receipts; it was left alone. Move it away or name "
                "another file."
            )
        case apsw.CorruptError():
            return f"{path} is damaged ({error}). Keep a copy and go back to a backup or an export."
        case apsw.ReadOnlyError() | apsw.CantOpenError() | apsw.PermissionsError():
            return f"{path} or its folder cannot be written ({error}). Change its permissions."
        case apsw.IOError():
            return f"Reading or writing {path} failed ({error}): nothing was changed."
        case _:
            return f"The store {path} cannot do that ({error})."
