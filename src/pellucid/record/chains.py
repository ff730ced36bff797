"""Sequences of contents that share their beginnings, as a tree of nodes.

The hash of a content covers its bytes; the hash of a node covers the node before it and its
contents, and so the whole sequence. Whether a sequence is known already is one look-up.
"""

from __future__ import annotations

from collections.abc import Sequence

import apsw

from ..value import value
from .packing import digest, squeeze, unsqueeze

Link = tuple[bytes, bytes | None]
"""A content and, for a message a model produced, its ids: both packed, not compressed."""

_WALK = """
    WITH RECURSIVE walk (id, steps) AS (
        VALUES (?, 0)
        UNION ALL
        SELECT nodes.parent, steps + 1 FROM nodes JOIN walk USING (id) WHERE nodes.parent NOT NULL
    )
"""


@value
class Chain:
    """A sequence in the store: its last node, and that node's hash."""

    node: int
    hash: bytes


def keep_chain(db: apsw.Connection, links: Sequence[Link]) -> Chain | None:
    """The sequence of `links`; what is missing is added. None when there are no links."""
    hashes = [b""]
    for content, produced in links:
        hashes.append(link_hash(hashes[-1], digest(content), produced and digest(produced)))
    node, known = None, 0
    for i in range(len(links), 0, -1):
        if found := db.execute("SELECT id FROM nodes WHERE hash = ?", (hashes[i],)).get:
            node, known = int(found), i
            break
    for (content, produced), hash in zip(links[known:], hashes[known + 1 :], strict=True):
        row = (node, keep_content(db, content), produced and keep_content(db, produced), hash)
        db.execute("INSERT INTO nodes (parent, content, produced, hash) VALUES (?, ?, ?, ?)", row)
        node = db.last_insert_rowid()
    return Chain(node, hashes[-1]) if node else None


def keep_content(db: apsw.Connection, data: bytes) -> int:
    """The id of a content, which is added when it is missing."""
    hash = digest(data)
    if found := db.execute("SELECT id FROM contents WHERE hash = ?", (hash,)).get:
        return int(found)
    db.execute("INSERT INTO contents (hash, data) VALUES (?, ?)", (hash, squeeze(data)))
    return db.last_insert_rowid()


def read_chain(db: apsw.Connection, node: int | None) -> list[Link]:
    """The sequence that ends at `node`, from its beginning."""
    rows = db.execute(
        _WALK
        + """
        SELECT content.data, produced.data
        FROM walk
        JOIN nodes ON nodes.id = walk.id
        JOIN contents AS content ON content.id = nodes.content
        LEFT JOIN contents AS produced ON produced.id = nodes.produced
        ORDER BY steps DESC
        """,
        (node,),
    )
    return [(unsqueeze(content), produced and unsqueeze(produced)) for content, produced in rows]


def read_content(db: apsw.Connection, content: int) -> bytes:
    return unsqueeze(db.execute("SELECT data FROM contents WHERE id = ?", (content,)).get)


def contents_of(db: apsw.Connection, node: int) -> list[tuple[int, bool]]:
    """The ids of the contents of the sequence that ends at `node`, from its beginning, each with
    whether a receipt told of it before."""
    rows = db.execute(
        _WALK
        + """
        SELECT content, EXISTS (
            SELECT 1 FROM receipt_messages WHERE receipt_messages.content = nodes.content
        )
        FROM walk JOIN nodes USING (id) ORDER BY steps DESC
        """,
        (node,),
    )
    return [(content, bool(told)) for content, told in rows]


def node_hash(db: apsw.Connection, node: int) -> bytes:
    return bytes(db.execute("SELECT hash FROM nodes WHERE id = ?", (node,)).get)


def link_hash(before: bytes, content: bytes, produced: bytes | None) -> bytes:
    """The hash of a node from the hashes of the node before it and of its contents."""
    return digest(before, content, produced or b"")
