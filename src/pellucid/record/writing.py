"""Adding a receipt to the tables, inside the caller's transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apsw

from ..errors import StoreError
from ..messages import Message
from ..replies import ReplyToken
from .blocks import pack_reply, prompt_blocks
from .chains import Chain, Link, contents_of, keep_chain, keep_content, node_hash
from .packing import digest, squeeze
from .receipt import Receipt
from .rows import (
    details_data,
    first_words,
    message_data,
    produced_data,
    question,
    searchable,
    setup_data,
)
from .search import indexed


def insert(db: apsw.Connection, receipt: Receipt) -> None:
    """Raises `StoreError` when the receipt holds what no file can: a lone surrogate in its model's
    name, a setting that JSON cannot say, numbers of more than 64 bits, lists that do not match."""
    try:
        _insert(db, receipt)
    except (ValueError, OverflowError, TypeError, apsw.ConstraintError) as error:
        raise StoreError(f"The receipt {receipt.id!r} cannot be stored: {error}.") from error


def _insert(db: apsw.Connection, receipt: Receipt) -> None:
    request, reply = receipt.request, receipt.reply
    vocabulary: int | None = None
    pieces: dict[int, bytes] = {}
    prompt: Chain | None = None
    if receipt.prompt is not None:
        vocabulary = _vocabulary(db, receipt.prompt.encoding.vocabulary)
        pieces = _keep_pieces(db, vocabulary, receipt)
        prompt = keep_chain(db, [(block, None) for block in prompt_blocks(receipt.prompt, pieces)])
    said = keep_chain(db, [_link(message) for message in (*request.messages, reply.message)])
    dropped = keep_chain(db, [_link(message) for message in receipt.memory.dropped])
    setup = setup_data(receipt)
    told = (
        receipt.id,
        receipt.created,
        receipt.model,
        receipt.conversation,
        receipt.parent,
        reply.finish,
        question(request.messages),
        first_words(reply.text),
        reply.usage.input_total,
        reply.usage.output_total,
    )
    packed = squeeze(details_data(receipt)), _tokens(reply.tokens, pieces)
    fingerprint = receipt.prompt.encoding.vocabulary if receipt.prompt is not None else None
    hash = _hash((*told, fingerprint, digest(setup), *packed), (said, dropped, prompt))
    nodes = (chain and chain.node for chain in (said, dropped, prompt))
    db.execute(
        """
        INSERT INTO receipts (
            id, created, model, conversation, parent, finish, question, answer, input_tokens,
            output_tokens, reply, dropped, prompt, vocabulary, setup, details, tokens, hash
        ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (*told, *nodes, vocabulary, keep_content(db, setup), *packed, hash),
    )
    _index_messages(db, db.last_insert_rowid(), receipt, said, dropped)


NO_TOKENS = squeeze(pack_reply((), {}))


def _tokens(tokens: Sequence[ReplyToken], pieces: dict[int, bytes]) -> bytes:
    return squeeze(pack_reply(tokens, pieces)) if tokens else NO_TOKENS


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
    own = (value if isinstance(value, bytes) else repr(value).encode() for value in row)
    return digest(*own, *(chain.hash if chain else b"" for chain in chains))


def _link(message: Message) -> Link:
    return message_data(message), produced_data(message.produced)


def _vocabulary(db: apsw.Connection, fingerprint: str) -> int:
    db.execute("INSERT OR IGNORE INTO vocabularies (fingerprint) VALUES (?)", (fingerprint,))
    return int(db.execute("SELECT id FROM vocabularies WHERE fingerprint = ?", (fingerprint,)).get)


def _keep_pieces(db: apsw.Connection, vocabulary: int, receipt: Receipt) -> dict[int, bytes]:
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


def _mentioned(receipt: Receipt) -> Iterator[tuple[int, bytes]]:
    if receipt.prompt is not None:
        encoding = receipt.prompt.encoding
        yield from zip(encoding.ids, encoding.pieces, strict=True)
    for token in receipt.reply.tokens:
        yield token.id, token.piece
        for candidate in token.alternatives:
            yield candidate.id, candidate.piece


def _index_messages(
    db: apsw.Connection, number: int, receipt: Receipt, said: Chain | None, dropped: Chain | None
) -> None:
    """Note which messages a search finds this receipt by: those that are new in it, and those that
    no receipt told of before."""
    contents = [row for chain in (said, dropped) if chain for row in contents_of(db, chain.node)]
    messages = (*receipt.request.messages, receipt.reply.message, *receipt.memory.dropped)
    new = set(contents[receipt.replayed_messages : len(receipt.request.messages) + 1])
    told = []
    for (content, known), message in dict(zip(contents, messages, strict=True)).items():
        if not known:
            text = indexed(searchable(message))
            db.execute("INSERT INTO message_text (rowid, text) VALUES (?, ?)", (content, text))
        if not known or (content, known) in new:
            told.append((content, number))
    db.executemany("INSERT INTO receipt_messages VALUES (?, ?)", told)
