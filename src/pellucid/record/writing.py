"""Adding receipts to the tables, inside the caller's transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apsw

from ..replies import ReplyToken
from ..value import value
from .blocks import pack_reply, prompt_blocks
from .chains import (
    Chain,
    Link,
    content_hash,
    insert_rows,
    keep_chains,
    keep_contents,
    node_hash,
)
from .packed import Packed, storable
from .packing import digest, squeeze
from .rows import searchable
from .search import indexed


def insert(db: apsw.Connection, receipts: Sequence[Packed]) -> None:
    """Raises `StoreError` for what no file can hold, as `storable` says."""
    with storable(f"receipt {receipts[0].id!r}" if len(receipts) == 1 else "receipts"):
        _insert(db, receipts)


def _insert(db: apsw.Connection, receipts: Sequence[Packed]) -> None:
    prompts = [_prompt(db, each) for each in receipts]
    chains: list[Sequence[Link]] = []
    for each, prompt in zip(receipts, prompts, strict=True):
        chains += each.said, each.dropped, prompt.blocks
    kept = iter(keep_chains(db, chains))
    hashes = [content_hash(each.setup) for each in receipts]
    setups = keep_contents(db, dict(zip(hashes, [each.setup for each in receipts], strict=True)))
    last = int(db.execute("SELECT coalesce(max(number), 0) FROM receipts").get)
    rows: list[Sequence[object]] = []
    told: list[_Told] = []
    for number, (each, prompt, setup) in enumerate(
        zip(receipts, prompts, hashes, strict=True), last + 1
    ):
        own = next(kept), next(kept), next(kept)
        blobs = each.details, prompt.tokens
        hash = _hash((*each.columns, prompt.fingerprint, setup, *blobs), own)
        nodes = [chain and chain.node for chain in own]
        beside = *nodes, prompt.vocabulary, setups[setup], *blobs, hash, each.kind
        rows.append((number, *each.columns, *beside))
        contents = [id for chain in own[:2] if chain for id in chain.contents]
        told.append(_Told(number, each, contents))
    insert_rows(db, "receipts", COLUMNS, rows)
    _index_messages(db, told)


COLUMNS = (
    *("number", "id", "created", "model", "conversation", "parent", "finish", "question"),
    *("answer", "input_tokens", "output_tokens", "reply", "dropped", "prompt", "vocabulary"),
    *("setup", "details", "tokens", "hash", "kind"),
)


NO_TOKENS = squeeze(pack_reply((), {}))


@value
class _Prompt:
    """The prompt and the tokens of a receipt, where the tables have one, in their terms."""

    vocabulary: int | None = None
    fingerprint: str | None = None
    blocks: tuple[Link, ...] = ()
    tokens: bytes = NO_TOKENS


NO_PROMPT = _Prompt()


def _prompt(db: apsw.Connection, packed: Packed) -> _Prompt:
    prompt, tokens = packed.prompt, packed.tokens
    if prompt is None:
        return _Prompt(tokens=_tokens(tokens, {})) if tokens else NO_PROMPT
    fingerprint = prompt.encoding.vocabulary
    vocabulary = _vocabulary(db, fingerprint)
    pieces = _keep_pieces(db, vocabulary, packed)
    blocks = tuple([(block, None) for block in prompt_blocks(prompt, pieces)])
    return _Prompt(vocabulary, fingerprint, blocks, _tokens(tokens, pieces))


def _tokens(tokens: Sequence[ReplyToken], pieces: dict[int, bytes]) -> bytes:
    return squeeze(pack_reply(tokens, pieces))


def receipt_hash(db: apsw.Connection, number: int) -> bytes:
    """The hash over everything that makes a receipt; through its nodes, over all its contents."""
    row = db.execute(
        """
        SELECT receipts.id, receipts.created, model, conversation, parent, finish, question, answer,
               input_tokens, output_tokens, fingerprint, contents.hash, details, tokens
        FROM receipts
        JOIN contents ON contents.id = setup
        LEFT JOIN vocabularies ON vocabularies.id = vocabulary
        WHERE number = ?
        """,
        (number,),
    ).fetchone()
    nodes = db.execute(
        "SELECT reply, dropped, prompt FROM receipts WHERE number = ?", (number,)
    ).fetchone()
    assert row is not None and nodes is not None
    return _hash(row, [Chain(node, node_hash(db, node)) if node else None for node in nodes])


def _hash(row: Iterable[object], chains: Iterable[Chain | None]) -> bytes:
    own = [cell if isinstance(cell, bytes) else repr(cell).encode() for cell in row]
    return digest(*own, *(chain.hash if chain else b"" for chain in chains))


def _vocabulary(db: apsw.Connection, fingerprint: str) -> int:
    db.execute("INSERT OR IGNORE INTO vocabularies (fingerprint) VALUES (?)", (fingerprint,))
    return int(db.execute("SELECT id FROM vocabularies WHERE fingerprint = ?", (fingerprint,)).get)


def _keep_pieces(db: apsw.Connection, vocabulary: int, receipt: Packed) -> dict[int, bytes]:
    """The pieces of the receipt's ids as the table has them; new ones are added."""
    pieces = dict(_mentioned(receipt))
    rows: Any = db.execute(
        """
        SELECT id, piece FROM pieces
        WHERE vocabulary = ? AND id IN (SELECT value FROM json_each(?))
        """,
        (vocabulary, json.dumps(list(pieces))),
    )
    known = dict(rows)
    db.executemany(
        "INSERT INTO pieces VALUES (?, ?, ?)",
        [(vocabulary, id, piece) for id, piece in pieces.items() if id not in known],
    )
    return pieces | known


def _mentioned(receipt: Packed) -> Iterator[tuple[int, bytes]]:
    if receipt.prompt is not None:
        encoding = receipt.prompt.encoding
        yield from zip(encoding.ids, encoding.pieces, strict=True)
    for token in receipt.tokens:
        yield token.id, token.piece
        for candidate in token.alternatives:
            yield candidate.id, candidate.piece


@value
class _Told:
    """A receipt's number, and the contents of its messages."""

    number: int
    receipt: Packed
    contents: list[int]


def _index_messages(db: apsw.Connection, told: Sequence[_Told]) -> None:
    """Note which messages a search finds receipts by: those that are new in each, and those that
    no receipt told of before."""
    known = _known_messages(db, {id for each in told for id in each.contents})
    texts: list[tuple[int, str]] = []
    rows: list[tuple[int, int]] = []
    for each in told:
        receipt, contents = each.receipt, each.contents
        new = set(contents[receipt.new : receipt.end])
        for content, message in dict(zip(contents, receipt.messages, strict=True)).items():
            if content not in known:
                texts.append((content, indexed(searchable(message))))
            if content not in known or content in new:
                rows.append((content, each.number))
        known.update(contents)
    insert_rows(db, "message_text", ("rowid", "text"), texts)
    insert_rows(db, "receipt_messages", ("content", "receipt"), rows)


def _known_messages(db: apsw.Connection, contents: Iterable[int]) -> set[int]:
    """Those that a receipt tells of already."""
    found = db.execute(
        """
        SELECT json_group_array(value) FROM json_each(?)
        WHERE EXISTS (SELECT 1 FROM receipt_messages WHERE content = value)
        """,
        (json.dumps(list(contents)),),
    ).get
    return set(json.loads(found))
