"""The store under kills, full disks, failing disks and eight writers at once."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import apsw
import pytest

from pellucid.errors import StoreError, StoreTooNew
from pellucid.record import connection
from pellucid.record.ids import new_id
from pellucid.record.migrations import MIGRATIONS
from pellucid.record.receipt import Kind, Receipt
from pellucid.record.store import Store
from stored_receipts import conversation, rounded
from work import SOON

FORK = multiprocessing.get_context("fork")

pytestmark = [
    pytest.mark.timeout(1800),  # at full size
    # What the tested disk raises on purpose is shown by apsw, too.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

Operation = Callable[[str], None]
"""Called with the name of every write, sync and truncation before it happens."""


class Disk(apsw.VFS):
    """The file system, asking `before` ahead of everything that changes a file."""

    def __init__(self, before: Operation) -> None:
        self.before = before
        super().__init__("tested disk", "unix", makedefault=True)

    def xOpen(self, name: Any, flags: list[int]) -> Any:
        return DiskFile(self.before, name, flags)


class DiskFile(apsw.VFSFile):
    def __init__(self, before: Operation, name: Any, flags: list[int]) -> None:
        self.before = before
        super().__init__("unix", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        self.before("write")
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:
        self.before("sync")
        super().xSync(flags)

    def xTruncate(self, size: int) -> None:
        self.before("truncate")
        super().xTruncate(size)

    def excepthook(self, *_: object) -> bool:
        return True  # what is raised here is meant for SQLite alone


@contextmanager
def disk(before: Operation) -> Iterator[None]:
    shim = Disk(before)
    try:
        yield
    finally:
        shim.unregister()


class Counter:
    """Lets operations pass, except those that `fails` says."""

    def __init__(self) -> None:
        self.count = 0
        self.fails: Callable[[int], bool] = lambda number: False
        self.error: type[apsw.Error] = apsw.FullError

    def __call__(self, operation: str) -> None:
        self.count += 1
        if self.fails(self.count):
            # A disk without space can still be synced and cut.
            if self.error is apsw.FullError and operation != "write":
                return
            raise self.error(f"{operation} {self.count} was made to fail")


def small(count: int, seed: int = 1) -> list[Receipt]:
    return list(conversation(seed, count, 10, 5))


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    path = tmp_path / "receipts.db"
    with Store(path) as store:
        for receipt in small(3):
            store.add(receipt)
    return path


# Row 17: kill -9


def write_until_killed(path: Path, told: Connection, seed: int) -> None:
    with Store(path) as store:
        for receipt in conversation(seed, 10_000, 10, 5):
            receipt = replace(receipt, id=new_id(time.time()))
            store.add(receipt)
            told.send_bytes(receipt.id.encode())


def test_kill_while_writing(tmp_path: Path, full: bool) -> None:
    chance = random.Random(17)
    written = 0
    for store in range(40 if full else 1):
        written += kill_25_times(tmp_path / f"{store}.db", chance, store, 2 if full else SOON)
    assert written > 25


def kill_25_times(path: Path, chance: random.Random, seed: int, seconds: float) -> int:
    """How many receipts were acknowledged, and found again after each kill, in so many seconds."""
    acknowledged: set[str] = set()
    for kill in range(25):
        reader, writer = FORK.Pipe(duplex=False)
        child = FORK.Process(target=write_until_killed, args=(path, writer, 1000 * seed + kill))
        child.start()
        writer.close()
        for _ in range(chance.randrange(6)):
            acknowledged.add(reader.recv_bytes().decode())
        time.sleep(chance.uniform(0.0, 0.01))
        child.kill()
        child.join()
        with reader:
            while reader.poll():
                try:
                    acknowledged.add(reader.recv_bytes().decode())
                except EOFError:
                    break
        began = time.monotonic()
        with Store(path) as store:
            kept = {summary.id for summary in store.list(None)}
            assert time.monotonic() - began < seconds
            assert store._db.execute("PRAGMA integrity_check").get == "ok"
        assert acknowledged <= kept
    with Store(path) as store:
        assert store.verify() == ()
    return len(acknowledged)


# Row 18: a disk that fails


def store_everything(path: Path) -> None:
    """Make a store, add to it, search, import, delete, close."""
    first, second, third = small(3, seed=5)
    with Store(path) as store:
        store.add(first)
        store.add(second)
        store.delete(ids=[first.id])
        store.add(third)


def operations_of(work: Callable[[], object]) -> int:
    counter = Counter()
    with disk(counter):
        work()
    return counter.count


@pytest.mark.parametrize("error", [apsw.FullError, apsw.IOError])
@pytest.mark.parametrize("lasting", [True, False], ids=["lasting", "once"])
def test_a_failing_disk(
    error: type[apsw.Error], lasting: bool, filled: Path, tmp_path: Path, full: bool
) -> None:
    before = small(3)
    total = operations_of(lambda: store_everything(shutil.copy(filled, tmp_path / "count.db")))
    assert total > 50
    failed = 0
    for n in range(1, total + 1, 1 if full else 11):
        path = tmp_path / f"{n}.db"
        shutil.copy(filled, path)
        counter = Counter()
        counter.error = error
        counter.fails = lambda number, n=n: number >= n if lasting else number == n
        with disk(counter):
            try:
                store_everything(path)
            except StoreError:
                failed += 1
            counter.fails = lambda number: False
            with Store(path) as store:
                assert store.verify() == ()
                assert [store.get(receipt.id) for receipt in before] == list(map(rounded, before))
    assert failed > 5


@pytest.mark.parametrize("error", [apsw.FullError, apsw.IOError])
def test_an_open_store_goes_on_when_space_is_back(
    error: type[apsw.Error], filled: Path, full: bool
) -> None:
    """The same `Store`: a failed receipt is not there, and can be added again."""
    counter = Counter()
    counter.error = error
    with disk(counter), Store(filled) as store:
        for i, receipt in enumerate(small(40 if full else 12, seed=9)):
            counter.fails = lambda number, n=counter.count + 1 + i: number >= n
            try:
                store.add(receipt)
            except StoreError as problem:
                assert str(filled) in str(problem)
                assert ("full" in str(problem)) == (error is apsw.FullError)
                counter.fails = lambda number: False
                assert receipt.id not in {summary.id for summary in store.list(None)}
                store.add(receipt)
            counter.fails = lambda number: False
            assert store.get(receipt.id) == rounded(receipt)
        assert store.verify() == ()


def test_making_a_store_on_a_full_disk(tmp_path: Path, full: bool) -> None:
    total = operations_of(lambda: Store(tmp_path / "count.db").close())
    for n in range(1, total + 1, 1 if full else 4):
        path = tmp_path / f"{n}.db"
        counter = Counter()
        counter.fails = lambda number, n=n: number >= n
        with disk(counter):
            try:
                Store(path).close()
            except StoreError as problem:
                assert "full" in str(problem)
            counter.fails = lambda number: False
            with Store(path) as store:
                store.add(*small(1))
                assert len(store.list()) == 1


# Row 19: eight processes, migrations, newer stores


def write_many(path: Path, told: Connection, start: Any, seed: int, count: int) -> None:
    try:
        start.wait()
        with Store(path) as store:
            for number in range(count):
                store.add(*conversation(seed * 1000 + number, 1, 5, 3))
        told.send("done")
    except BaseException as error:
        told.send(repr(error))


def test_eight_processes_write_at_once(tmp_path: Path, full: bool) -> None:
    path = tmp_path / "receipts.db"
    each = 500 if full else 25
    start = FORK.Barrier(8)
    reader, writer = FORK.Pipe(duplex=False)
    children = [
        FORK.Process(target=write_many, args=(path, writer, start, seed, each)) for seed in range(8)
    ]
    for child in children:
        child.start()
    said = [reader.recv() for _ in children]
    for child in children:
        child.join()
    assert said == ["done"] * 8
    with Store(path) as store:
        assert len(store.list(None)) == 8 * each
        assert store.verify() == ()


def second_tables(db: apsw.Connection) -> None:
    """A step as a later version might take it: a new column, and a table built anew."""
    db.execute(
        """
        ALTER TABLE receipts ADD COLUMN price REAL;
        CREATE TABLE fresh (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE);
        INSERT INTO fresh SELECT number, id FROM receipts;
        CREATE TABLE copied AS SELECT * FROM contents;
        DROP TABLE contents;
        CREATE TABLE contents (
            id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, data BLOB NOT NULL, size INTEGER
        );
        INSERT INTO contents SELECT id, hash, data, length(data) FROM copied;
        DROP TABLE copied;
        """
    )


def third_tables(db: apsw.Connection) -> None:
    db.execute("DROP TABLE fresh")


NEWER = (*MIGRATIONS, second_tables, third_tables)


def as_the_first(path: Path) -> Path:
    """The store with what version 2 brought taken away."""
    with closing(apsw.Connection(str(path))) as db:
        db.execute(
            "DROP INDEX receipts_by_kind; ALTER TABLE receipts DROP COLUMN kind; "
            "PRAGMA user_version = 1"
        )
    return path


def test_kinds_are_taken_from_the_setups(tmp_path: Path) -> None:
    path = tmp_path / "receipts.db"
    kinds: tuple[Kind, ...] = ("vectors", "conversation", "speech", "vectors")
    receipts = [replace(r, kind=kind) for r, kind in zip(small(4), kinds, strict=True)]
    with Store(path) as store:
        store.add_all(receipts)
        listed = store.list()
        assert [each.kind for each in reversed(listed)] == list(kinds)
    with Store(as_the_first(path)) as store:
        assert store.list() == listed and store.verify() == ()
        assert [each.id for each in store.list(1, kind="vectors")] == [receipts[3].id]
        assert store.list(kind="pictures") == ()
        assert store.list(kind="conversation") == (listed[2],)
        store._db.execute("UPDATE receipts SET kind = 'speech' WHERE kind = 'vectors'")
        assert len(store.verify()) == 2


def migrate_until_killed(path: Path, at: int) -> None:
    def kill(operation: str, count: list[int] = [0]) -> None:  # noqa: B006
        count[0] += 1
        if count[0] == at:
            os.kill(os.getpid(), signal.SIGKILL)

    with disk(kill):
        Store(path).close()


def test_kill_while_migrating(
    filled: Path, tmp_path: Path, full: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = list(map(rounded, small(3)))
    as_the_first(filled)
    monkeypatch.setattr(connection, "MIGRATIONS", NEWER)
    total = operations_of(lambda: Store(shutil.copy(filled, tmp_path / "count.db")).close())
    killed = 0
    for n in range(1, total + 1, 1 if full else total // 20):
        path = tmp_path / f"{n}" / "receipts.db"
        path.parent.mkdir()
        shutil.copy(filled, path)
        child = FORK.Process(target=migrate_until_killed, args=(path, n))
        child.start()
        child.join()
        killed += child.exitcode == -signal.SIGKILL
        with Store(path) as store:
            assert store._db.execute("PRAGMA user_version").get == len(NEWER)
            assert store.verify() == ()
            assert [store.get(receipt.id) for receipt in before] == before
        backup = apsw.Connection(f"{path}.v1.bak", flags=apsw.SQLITE_OPEN_READONLY)
        assert backup.execute("PRAGMA integrity_check").get == "ok"
        assert backup.execute("SELECT count(*) FROM receipts").get == 3
        backup.close()
    assert killed >= 15


def test_a_migration_that_fails_changes_nothing(
    filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(db: apsw.Connection) -> None:
        db.execute("DELETE FROM contents; DROP TABLE receipt_messages")

    def broken(db: apsw.Connection) -> None:
        db.execute("DROP TABLE receipts; SELECT * FROM nowhere")

    content = filled.read_bytes()
    for step in (wrong, broken):
        monkeypatch.setattr(connection, "MIGRATIONS", (*MIGRATIONS, step))
        with pytest.raises(StoreError):
            Store(filled)
        assert filled.read_bytes() == content
    monkeypatch.undo()
    with Store(filled) as store:
        assert len(store.list()) == 3


def test_a_backup_is_made_before_a_migration_and_opens(
    filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "MIGRATIONS", NEWER)
    Store(filled).close()
    backup = filled.with_name(f"receipts.db.v{len(MIGRATIONS)}.bak")
    assert backup.stat().st_mode & 0o777 == 0o600
    assert filled.with_name(f"receipts.db.v{len(MIGRATIONS) + 1}.bak").exists()
    monkeypatch.undo()
    with pytest.raises(StoreTooNew):
        Store(filled)
    with Store(backup) as store:
        assert [store.get(r.id) for r in small(3)] == list(map(rounded, small(3)))


@pytest.mark.parametrize("log_left", [False, True], ids=["closed", "with a log"])
def test_a_newer_store_is_refused_and_not_touched(filled: Path, log_left: bool) -> None:
    db = apsw.Connection(str(filled))
    db.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, int(log_left))
    db.execute("PRAGMA user_version = 7; UPDATE receipts SET model = 'of the future'")
    db.close()
    log = filled.with_name("receipts.db-wal")
    assert log.exists() == log_left
    files = [filled, log] if log_left else [filled]
    before = [path.read_bytes() for path in files]
    said = rf"newer Pellucid \(schema 7, this one knows {len(MIGRATIONS)}\)"
    with pytest.raises(StoreTooNew, match=said):
        Store(filled)
    assert [path.read_bytes() for path in files] == before
