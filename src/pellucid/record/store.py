"""The store of receipts: one SQLite file, for one person, shared by all their programs.

    with Store(path) as store:
        store.add(receipt)
        store.get("last")

Every method is one transaction, may be called from any thread, and raises `StoreError` when the
file cannot be used. What is in the file is what receipts say and nothing else: no keys, no
environment.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, Self, TextIO

from ..errors import StoreError, UsageError
from ..value import value
from . import deletion
from .codec import dumps, from_json, to_json
from .connection import connect, explained, transaction
from .integrity import problems
from .reading import Read, condition, find, load, setups_of, summaries
from .receipt import Kind, Receipt, Summary
from .writing import insert

_REPORTED = 10
"""How many invalid lines of an import are named."""


@value
class Imported:
    """How many receipts an import brought, and how many were there already."""

    added: int
    skipped: int


class Store:
    """The receipts in the file at `path`, which is made when it is missing.

    Raises `StoreError` when the file is not a store or cannot be written, `StoreTooNew` when a
    newer Pellucid wrote it; neither touches the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._db = connect(path)

    def close(self) -> None:
        with self._lock, explained(self.path):
            self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, receipt: Receipt) -> None:
        """Keep a receipt; when this returns it is on the disk."""
        self.add_all((receipt,))

    def add_all(self, receipts: Iterable[Receipt]) -> None:
        """Keep several at once, or none of them."""
        receipts = tuple(receipts)
        if not receipts:
            return
        with self._transaction("IMMEDIATE"):
            if known := self._known([receipt.id for receipt in receipts]):
                raise StoreError(f"There is a receipt {known} already; it was not changed.")
            insert(self._db, receipts)

    def get(self, name: str) -> Receipt:
        """The receipt with this id, or the only one whose id begins so, or the `last` one.

        Raises `ReceiptNotFound`.
        """
        with self._transaction("DEFERRED"):
            return load(self._db, find(self._db, name))

    def conversation(self, id: str) -> tuple[Receipt, ...]:
        """The receipts of a conversation, oldest first; none when it is not known."""
        with self._transaction("DEFERRED"):
            where, values = condition(conversation=id)
            read: Read = {}
            return tuple(load(self._db, number, read) for number in self._numbers(where, values))

    def last_conversation(self) -> str | None:
        """The id of the conversation of the newest receipt."""
        with self._transaction("DEFERRED"):
            found = summaries(self._db, *condition(kind="conversation"), limit=1)
        return found[0].conversation if found else None

    def list(
        self,
        limit: int | None = 20,
        *,
        model: str | None = None,
        conversation: str | None = None,
        since: float | None = None,
        text: str | None = None,
        app: str | None = None,
        kind: Kind | None = None,
    ) -> tuple[Summary, ...]:
        """Summaries, newest first, at most `limit` (None: all).

        `since` is seconds since 1970. `app` is how the name of the program that called begins, in
        any case. `text` finds the receipts in which a matching message was
        new: all its words occur in it, as beginnings of words. `kind` is what they are of.
        """
        with self._transaction("DEFERRED"):
            setups = None if app is None else setups_of(self._db, app)
            where, values = condition(
                model, conversation, since, text=text, kind=kind, setups=setups
            )
            return summaries(self._db, where, values, limit)

    def delete(
        self,
        *,
        older_than: float | None = None,
        model: str | None = None,
        text: str | None = None,
        ids: Collection[str] | None = None,
    ) -> int:
        """Delete the receipts that meet all conditions; returns how many.

        `older_than` is seconds since 1970. `text` means every receipt that holds a matching
        message, also where it was replayed. What nobody else refers to is overwritten in the file
        and the space given back. Raises `UsageError` when there is no condition.
        """
        if all(condition is None for condition in (older_than, model, text, ids)):
            raise UsageError("Say which receipts to delete: by age, model, text or id.")
        with self._lock, self._without_foreign_keys():
            with self._transaction("IMMEDIATE"):
                where, values = condition(model, before=older_than, ids=ids)
                numbers = set(self._numbers(where, values))
                if text is not None:
                    numbers &= deletion.holding(self._db, text)
                if numbers:
                    deletion.delete(self._db, numbers)
            if numbers:
                with explained(self.path):
                    self._db.execute("PRAGMA incremental_vacuum").fetchall()
                    # The log still has the old pages.
                    self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return len(numbers)

    def export(
        self,
        stream: TextIO,
        *,
        model: str | None = None,
        conversation: str | None = None,
        since: float | None = None,
        text: str | None = None,
    ) -> int:
        """Write receipts as JSON Lines, oldest first; returns how many. See `codec.py`.

        The stream is to be UTF-8. A slow one holds nobody up: receipts that are deleted meanwhile
        are left out.
        """
        with self._transaction("DEFERRED"):
            numbers = self._numbers(*condition(model, conversation, since, text=text))
        written = 0
        for number in numbers:
            with self._transaction("DEFERRED"):
                if not self._db.execute("SELECT 1 FROM receipts WHERE number = ?", (number,)).get:
                    continue
                receipt = load(self._db, number)
            stream.write(dumps(to_json(receipt)) + "\n")
            written += 1
        return written

    def import_(self, stream: TextIO) -> Imported:
        """Add receipts from JSON Lines; those with a known id are skipped.

        Raises `StoreError` naming the invalid lines, and then nothing was added.
        """
        added = skipped = 0
        wrong: list[str] = []
        with self._transaction("IMMEDIATE"):
            for number, line in enumerate(stream, start=1):
                if not line.strip():
                    continue
                try:
                    receipt = from_json(json.loads(line))
                    if self._known([receipt.id]):
                        skipped += 1
                    else:
                        insert(self._db, (receipt,))
                        added += 1
                except (StoreError, ValueError, RecursionError) as error:
                    wrong.append(f"\n  line {number}: {error}")
            if wrong:
                more = f"\n  and {len(wrong) - _REPORTED} more" if len(wrong) > _REPORTED else ""
                raise StoreError(
                    "Nothing was imported, since not every line is a receipt:"
                    + "".join(wrong[:_REPORTED])
                    + more
                )
        return Imported(added, skipped)

    def verify(self) -> tuple[str, ...]:
        """A sentence for everything that is wrong with the file: none when it is sound."""
        with self._transaction("DEFERRED"):
            return tuple(problems(self._db))

    def _known(self, ids: Sequence[str]) -> str | None:
        """One of the ids that a receipt has already, or that are there twice; `None`: none."""
        if len(set(ids)) < len(ids):
            return next(id for id in ids if ids.count(id) > 1)
        query = "SELECT min(id) FROM receipts WHERE id IN (SELECT value FROM json_each(?))"
        found: str | None = self._db.execute(query, (json.dumps(ids),)).get
        return found

    def _numbers(self, where: str, values: tuple[object, ...]) -> tuple[int, ...]:
        rows = self._db.execute(f"SELECT number FROM receipts WHERE {where} ORDER BY id", values)
        return tuple(number for (number,) in rows)

    @contextmanager
    def _transaction(self, kind: Literal["DEFERRED", "IMMEDIATE"]) -> Iterator[None]:
        with self._lock, transaction(self._db, self.path, kind):
            yield

    @contextmanager
    def _without_foreign_keys(self) -> Iterator[None]:
        # SQLite heeds this pragma between transactions only.
        with explained(self.path):
            self._db.execute("PRAGMA foreign_keys = OFF")
        try:
            yield
        finally:
            with explained(self.path):
                self._db.execute("PRAGMA foreign_keys = ON")
