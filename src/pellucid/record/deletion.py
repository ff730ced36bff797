"""Deleting receipts and all that only they held, inside the caller's transaction.

Foreign keys are off meanwhile (a check at the end takes their place): enforcing them row by row
would need an index for each, which every receipt would pay for.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

import apsw

from ..errors import StoreError
from . import search
from .chains import read_content
from .rows import read_message, searchable


def holding(db: apsw.Connection, text: str) -> set[int]:
    """Numbers of all receipts with a message that matches, replayed and dropped ones included."""
    matches = db.execute(
        "SELECT rowid FROM message_text WHERE message_text MATCH ?", (search.query(text),)
    )
    contents = {content for (content,) in matches}
    nodes: set[int] = set()
    # A node's parent has the smaller id, so it has been seen.
    for id, parent, content in db.execute("SELECT id, parent, content FROM nodes ORDER BY id"):
        if content in contents or parent in nodes:
            nodes.add(id)
    rows = db.execute("SELECT number, reply, dropped FROM receipts")
    return {number for number, reply, dropped in rows if reply in nodes or dropped in nodes}


def delete(db: apsw.Connection, numbers: Collection[int]) -> None:
    """Delete these receipts, and contents, nodes, words and vocabularies nobody else has."""
    chosen = (json.dumps(sorted(numbers)),)
    among = "IN (SELECT value FROM json_each(?))"
    affected = [
        content
        for (content,) in db.execute(
            f"SELECT DISTINCT content FROM receipt_messages WHERE receipt {among}", chosen
        )
    ]
    db.execute(f"DELETE FROM receipt_messages WHERE receipt {among}", chosen)
    db.execute(f"DELETE FROM receipts WHERE number {among}", chosen)
    _update_search(db, affected, _sweep_nodes(db))
    db.execute(
        """
        DELETE FROM contents WHERE id NOT IN (
            SELECT content FROM nodes UNION SELECT setup FROM receipts
            UNION SELECT produced FROM nodes WHERE produced NOT NULL
        );
        DELETE FROM pieces WHERE vocabulary NOT IN (
            SELECT vocabulary FROM receipts WHERE vocabulary NOT NULL
        );
        DELETE FROM vocabularies WHERE id NOT IN (
            SELECT vocabulary FROM receipts WHERE vocabulary NOT NULL
        );
        """
    )
    if broken := db.execute("PRAGMA foreign_key_check").fetchall():
        raise StoreError(f"Deleting would have broken {len(broken)} rows; nothing was deleted.")


def _sweep_nodes(db: apsw.Connection) -> dict[int, int]:
    """Delete nodes no receipt leads to; return each message's content that is left with the
    number of the first receipt that has it."""
    first: dict[int, int] = {}  # node of a message -> number of a receipt
    blocks: set[int] = set()
    for number, reply, dropped, prompt in db.execute(
        "SELECT number, reply, dropped, prompt FROM receipts ORDER BY number"
    ):
        first.setdefault(reply, number)
        first.setdefault(dropped, number)
        blocks.add(prompt)
    contents: dict[int, int] = {}
    dead = []
    # From the leaves: a node's children have the larger ids, so they have been seen.
    nodes: list[Any] = db.execute(
        "SELECT id, parent, content FROM nodes ORDER BY id DESC"
    ).fetchall()
    for id, parent, content in nodes:
        if id in first:
            first[parent] = min(first[id], first.get(parent, first[id]))
            contents[content] = min(first[id], contents.get(content, first[id]))
        elif id in blocks:
            blocks.add(parent)
        else:
            dead.append((id,))
    db.executemany("DELETE FROM nodes WHERE id = ?", dead)
    return contents


def _update_search(db: apsw.Connection, affected: list[int], alive: dict[int, int]) -> None:
    """A message that lost its receipt is found by the first that still has it, or not at all."""
    for content in affected:
        if db.execute("SELECT 1 FROM receipt_messages WHERE content = ?", (content,)).get:
            continue
        if content in alive:
            db.execute("INSERT INTO receipt_messages VALUES (?, ?)", (content, alive[content]))
        else:
            message = read_message(read_content(db, content), None)
            db.execute(
                "INSERT INTO message_text (message_text, rowid, text) VALUES ('delete', ?, ?)",
                (content, search.indexed(searchable(message))),
            )
