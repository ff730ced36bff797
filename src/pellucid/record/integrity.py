"""Whether a store is what it was when it was written."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import apsw

from ..errors import StoreError
from .chains import link_hash
from .packing import digest, unsqueeze
from .reading import load
from .writing import receipt_hash


def problems(db: apsw.Connection) -> Iterator[str]:
    """A sentence for everything that is wrong: none for a sound store."""
    for (line,) in db.execute("PRAGMA integrity_check"):
        if line != "ok":
            yield f"SQLite: {line}"
    for table, row, target, _ in db.execute("PRAGMA foreign_key_check"):
        yield f"Row {row} of {table} refers to a row of {target} that does not exist."
    contents: dict[int, bytes] = {}
    for id, hash, data in db.execute("SELECT id, hash, data FROM contents"):
        contents[id] = hash
        if _digest(data) != hash:
            yield f"Content {id} is not what its hash says."
    nodes: dict[int | None, bytes] = {None: b""}
    for id, parent, content, produced, hash in db.execute(
        "SELECT id, parent, content, produced, hash FROM nodes ORDER BY id"
    ):
        nodes[id] = hash
        ids = contents.get(produced)
        if link_hash(nodes.get(parent, b""), contents.get(content, b""), ids) != hash:
            yield f"Node {id} is not what its hash says."
    receipts: list[Any] = db.execute("SELECT number, id, hash, kind FROM receipts").fetchall()
    for number, id, hash, kind in receipts:
        try:
            loaded = load(db, number)
        except StoreError as error:
            yield str(error)
            continue
        if receipt_hash(db, number) != hash or loaded.kind != (kind or "conversation"):
            yield f"Receipt {id} is not what its hash says."


def _digest(data: bytes) -> bytes | None:
    try:
        return digest(unsqueeze(data))
    except zlib.error:
        return None
