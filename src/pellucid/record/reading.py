"""Finding receipts in the tables and putting them together, inside the caller's transaction."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Collection
from typing import Any

import apsw

from ..errors import ReceiptNotFound, StoreError
from ..messages import Message
from . import search
from .chains import read_chain, read_content
from .codec import dumps
from .packing import unsqueeze
from .receipt import Kind, Receipt, Summary
from .rows import Stored, read_message, receipt

_SHOWN = 5
"""How many of the ids that a prefix could mean are named."""


def find(db: apsw.Connection, name: str) -> int:
    """The number of the receipt with this id, or whose id begins so, or of the `last` one."""
    name = name.encode("utf-8", "replace").decode()
    if name == "last":
        newest: Any = db.execute("SELECT number FROM receipts ORDER BY id DESC LIMIT 1").get
        if newest is None:
            raise ReceiptNotFound(
                "There are no receipts yet: every `pellucid ask` and `pellucid chat` leaves one."
            )
        return int(newest)
    if exact := db.execute("SELECT number FROM receipts WHERE id = ?", (name,)).get:
        return int(exact)
    prefix = name.strip().upper()
    rows: list[Any] = db.execute(
        "SELECT number, id FROM receipts WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
        (prefix, f"{prefix}\U0010ffff", _SHOWN + 1),
    ).fetchall()
    if len(rows) == 1 and prefix:
        return int(rows[0][0])
    if not rows or not prefix:
        raise ReceiptNotFound(
            f"No receipt has the id {name!r} or one that begins so. `pellucid receipts` lists them."
        )
    shown = ", ".join(id for _, id in rows[:_SHOWN]) + (", …" if len(rows) > _SHOWN else "")
    raise ReceiptNotFound(f"Several receipts begin with {name!r}: {shown}. Give more of the id.")


def condition(
    model: str | None = None,
    conversation: str | None = None,
    since: float | None = None,
    before: float | None = None,
    text: str | None = None,
    kind: Kind | None = None,
    ids: Collection[str] | None = None,
    setups: Collection[int] | None = None,
) -> tuple[str, tuple[Any, ...]]:
    """A WHERE clause over `receipts` and its values. What is None does not matter."""
    clauses: list[tuple[str, Any]] = []
    if model is not None:
        clauses.append(("model = ?", model))
    if conversation is not None:
        clauses.append(("conversation = ?", conversation))
    if since is not None:
        clauses.append(("created >= ?", since))
    if before is not None:
        clauses.append(("created < ?", before))
    if kind is not None:
        clauses.append(("kind IS ?", None) if kind == "conversation" else ("kind = ?", kind))
    if ids is not None:
        clauses.append(("id IN (SELECT value FROM json_each(?))", dumps(list(ids))))
    if setups is not None:
        clauses.append(("setup IN (SELECT value FROM json_each(?))", dumps(list(setups))))
    if text is not None:
        found = (
            "number IN (SELECT receipt FROM receipt_messages WHERE content IN "
            "(SELECT rowid FROM message_text WHERE message_text MATCH ?))"
        )
        clauses.append((found, search.query(text)))
    return " AND ".join(["TRUE", *(sql for sql, _ in clauses)]), tuple(v for _, v in clauses)


def setups_of(db: apsw.Connection, app: str) -> list[int]:
    """The setups of programs whose name begins with `app`, in any case. There are few: most calls
    of a program share one."""
    found: list[Any] = db.execute("SELECT DISTINCT setup FROM receipts").fetchall()
    start = app.casefold()
    return [
        setup
        for (setup,) in found
        if json.loads(read_content(db, setup))["app"].casefold().startswith(start)
    ]


def summaries(
    db: apsw.Connection,
    where: str,
    values: tuple[Any, ...],
    limit: int | None,
) -> tuple[Summary, ...]:
    rows: Any = db.execute(
        f"""
        SELECT id, created, model, conversation, question, answer, input_tokens, output_tokens,
               finish, coalesce(kind, 'conversation')
        FROM receipts WHERE {where} ORDER BY id DESC LIMIT ?
        """,
        (*values, -1 if limit is None else limit),
    )
    return tuple(Summary(*row) for row in rows)


Read = dict[tuple[bytes, bytes | None], Message]
"""Messages that were read already. Each turn of a conversation sends those before it again, so
reading them once makes the time of a long one grow with its length, not with its square."""


def load(db: apsw.Connection, number: int, read: Read | None = None) -> Receipt:
    """The receipt with this number; raises `StoreError` when its bytes make no sense."""
    try:
        stored, vocabulary = _fetch(db, number, {} if read is None else read)
        return receipt(stored, _Pieces(db, vocabulary))
    except (ValueError, LookupError, TypeError, RuntimeError, struct.error, zlib.error) as error:
        raise StoreError(
            f"Receipt number {number} is damaged ({error!r}); the others are not concerned."
        ) from error


def _fetch(db: apsw.Connection, number: int, read: Read) -> tuple[Stored, int | None]:
    row = db.execute(
        """
        SELECT receipts.id, created, model, conversation, parent, finish, reply, dropped, prompt,
               vocabulary, fingerprint, setup, details, tokens
        FROM receipts LEFT JOIN vocabularies ON vocabularies.id = vocabulary
        WHERE number = ?
        """,
        (number,),
    ).fetchone()
    if row is None:
        raise LookupError("it is gone")
    (id, created, model, conversation, parent, finish, reply, dropped, prompt) = row[:9]
    vocabulary, fingerprint, setup, details, tokens = row[9:]
    messages = _messages(db, reply, read)
    stored = Stored(
        id=id,
        created=created,
        model=model,
        conversation=conversation,
        parent=parent,
        finish=finish,
        setup=read_content(db, setup),
        details=unsqueeze(details),
        messages=messages[:-1],
        reply=messages[-1],
        dropped=_messages(db, dropped, read),
        vocabulary=fingerprint or "",
        blocks=tuple(block for block, _ in read_chain(db, prompt)),
        tokens=unsqueeze(tokens),
    )
    return stored, vocabulary


def _messages(db: apsw.Connection, node: int | None, read: Read) -> tuple[Message, ...]:
    chain = read_chain(db, node)
    for each in chain:
        if each not in read:
            read[each] = read_message(*each)
    return tuple(read[each] for each in chain)


class _Pieces(dict[int, bytes]):
    """The pieces of a vocabulary, fetched one by one as they are asked for."""

    def __init__(self, db: apsw.Connection, vocabulary: int | None) -> None:
        self._db = db
        self._vocabulary = vocabulary

    def __missing__(self, id: int) -> bytes:
        key = (self._vocabulary, id)
        piece = self._db.execute("SELECT piece FROM pieces WHERE vocabulary = ? AND id = ?", key)
        found = piece.get
        if found is None:
            raise LookupError(f"no piece is kept for id {id}")
        self[id] = bytes(found)
        return self[id]
