"""Sequences of contents that share their beginnings, as a tree of nodes.

The hash of a content covers its bytes; the hash of a node covers the node before it and its
contents, and so the whole sequence. Whether a sequence is known already is one look-up.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import apsw

from ..value import value
from .packing import digest, squeeze, unsqueeze

Link = tuple[bytes, bytes | None]
"""A content and, for a message a model produced, its ids: both packed, not compressed."""

ROWS = 256
"""Rows in one statement."""
SHORT = 2048
"""Bytes of a content whose hash is remembered: most come again with the next call."""

_WALK = """
    WITH RECURSIVE walk (id, steps) AS (
        VALUES (?, 0)
        UNION ALL
        SELECT nodes.parent, steps + 1 FROM nodes JOIN walk USING (id) WHERE nodes.parent NOT NULL
    )
"""


@value
class Chain:
    """A sequence in the store: its last node, that node's hash, and the ids of its contents."""

    node: int
    hash: bytes
    contents: tuple[int, ...] = ()


def keep_chains(db: apsw.Connection, chains: Sequence[Sequence[Link]]) -> list[Chain | None]:
    """The sequences of links; what is missing is added. `None` for one without links.

    However many they are, they take the same few statements: a thread that writes gives way at
    each.
    """
    steps = [_steps(links) for links in chains]
    known = _known_nodes(db, {step.hash for each in steps for step in each})
    new = {step.hash: step for each in steps for step in each if step.hash not in known}
    data = {hash: data for step in new.values() for hash, data in step.contents}
    contents = keep_contents(db, data)
    node = _last(db, "nodes")
    rows: list[tuple[object, ...]] = []
    for step in new.values():
        node += 1
        kept = [contents[hash] for hash, _ in step.contents]
        known[step.hash] = node, kept[0]
        parent = known[step.before][0] if step.before else None
        rows.append((node, parent, kept[0], kept[1] if len(kept) > 1 else None, step.hash))
    insert_rows(db, "nodes", ("id", "parent", "content", "produced", "hash"), rows)
    return [
        Chain(known[each[-1].hash][0], each[-1].hash, tuple([known[s.hash][1] for s in each]))
        if each
        else None
        for each in steps
    ]


@value
class _Step:
    """One link of a sequence: the hashes of its node and of the node before it, and its contents
    by their hashes."""

    hash: bytes
    before: bytes
    contents: tuple[tuple[bytes, bytes], ...]


def _steps(links: Sequence[Link]) -> list[_Step]:
    out: list[_Step] = []
    before = b""
    for content, produced in links:
        contents: tuple[tuple[bytes, bytes], ...] = ((content_hash(content), content),)
        if produced is not None:
            contents = (*contents, (digest(produced), produced))
        hash = link_hash(before, contents[0][0], contents[1][0] if produced is not None else None)
        out.append(_Step(hash, before, contents))
        before = hash
    return out


def _known_nodes(db: apsw.Connection, hashes: Iterable[bytes]) -> dict[bytes, tuple[int, int]]:
    """The nodes that there are: id and content, by their hashes."""
    found = db.execute(
        """
        SELECT json_group_array(json_array(hex(hash), id, content)) FROM nodes
        WHERE hash IN (SELECT unhex(value) FROM json_each(?))
        """,
        (_hexes(hashes),),
    ).get
    return {bytes.fromhex(hash): (id, content) for hash, id, content in json.loads(found)}


def keep_contents(db: apsw.Connection, data: Mapping[bytes, bytes]) -> dict[bytes, int]:
    """The ids of contents, both by their hashes; what is missing is added."""
    found = db.execute(
        """
        SELECT json_group_object(hex(hash), id) FROM contents
        WHERE hash IN (SELECT unhex(value) FROM json_each(?))
        """,
        (_hexes(data),),
    ).get
    ids = {bytes.fromhex(hash): int(id) for hash, id in json.loads(found).items()}
    new = [hash for hash in data if hash not in ids]
    ids |= {hash: id for id, hash in enumerate(new, _last(db, "contents") + 1)}
    rows = [(ids[hash], hash, squeeze(data[hash])) for hash in new]
    insert_rows(db, "contents", ("id", "hash", "data"), rows)
    return ids


def insert_rows(
    db: apsw.Connection, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]]
) -> None:
    """Rows in few statements."""
    for start in range(0, len(rows), ROWS):
        part = rows[start : start + ROWS]
        places = ", ".join([f"({', '.join('?' * len(columns))})"] * len(part))
        values: Any = [value for row in part for value in row]
        db.execute(f"INSERT INTO {table} ({', '.join(columns)}) VALUES {places}", values)


def _hexes(hashes: Iterable[bytes]) -> str:
    return json.dumps([hash.hex() for hash in hashes])


def _last(db: apsw.Connection, table: str) -> int:
    return int(db.execute(f"SELECT coalesce(max(id), 0) FROM {table}").get)


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


def node_hash(db: apsw.Connection, node: int) -> bytes:
    return bytes(db.execute("SELECT hash FROM nodes WHERE id = ?", (node,)).get)


def content_hash(content: bytes) -> bytes:
    return _known_hash(content) if len(content) <= SHORT else digest(content)


_known_hash = lru_cache(4096)(digest)


@lru_cache(4096)  # a conversation's beginning comes again with each of its calls
def link_hash(before: bytes, content: bytes, produced: bytes | None) -> bytes:
    """The hash of a node from the hashes of the node before it and of its contents."""
    return digest(before, content, produced or b"")
