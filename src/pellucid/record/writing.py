"""Adding receipts to the tables, inside the caller's transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apsw

from ..errors import StoreError
from ..messages import Message
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


def insert(db: apsw.Connection, receipts: Sequence[Receipt]) -> None:
    """Raises `StoreError` when a receipt holds what no file can: a lone surrogate in its model's
    name, a setting that JSON cannot say, numbers of more than 64 bits, lists that do not match."""
    named = f"receipt {receipts[0].id!r}" if len(receipts) == 1 else "receipts"
    try:
        _insert(db, receipts)
    except (ValueError, OverflowError, TypeError, apsw.ConstraintError) as error:
        raise StoreError(f"The {named} cannot be stored: {error}.") from error


def _insert(db: apsw.Connection, receipts: Sequence[Receipt]) -> None:
    packed = [_packed(db, receipt) for receipt in receipts]
    kept = iter(keep_chains(db, [chain for each in packed for chain in each.chains]))
    hashes = [content_hash(each.setup) for each in packed]
    setups = keep_contents(db, dict(zip(hashes, [each.setup for each in packed], strict=True)))
    last = int(db.execute("SELECT coalesce(max(number), 0) FROM receipts").get)
    rows: list[Sequence[object]] = []
    told: list[_Told] = []
    for number, (receipt, each, setup) in enumerate(
        zip(receipts, packed, hashes, strict=True), last + 1
    ):
        chains = next(kept), next(kept), next(kept)
        hash = _hash((*each.columns, each.fingerprint, setup, *each.blobs), chains)
        nodes = [chain and chain.node for chain in chains]
        kind = None if receipt.kind == "conversation" else receipt.kind
        own = *each.columns, *nodes, each.vocabulary, setups[setup], *each.blobs, hash, kind
        rows.append((number, *own))
        contents = [id for chain in chains[:2] if chain for id in chain.contents]
        told.append(_Told(number, receipt, contents))
    insert_rows(db, "receipts", COLUMNS, rows)
    _index_messages(db, told)


COLUMNS = (
    *("number", "id", "created", "model", "conversation", "parent", "finish", "question"),
    *("answer", "input_tokens", "output_tokens", "reply", "dropped", "prompt", "vocabulary"),
    *("setup", "details", "tokens", "hash", "kind"),
)


@value
class _Packed:
    """A receipt on its way into the tables. `chains` are what was said, what the memory dropped,
    and the prompt."""

    columns: tuple[object, ...]
    chains: tuple[Sequence[Link], Sequence[Link], Sequence[Link]]
    setup: bytes
    blobs: tuple[bytes, bytes]
    vocabulary: int | None = None
    fingerprint: str | None = None


def _packed(db: apsw.Connection, receipt: Receipt) -> _Packed:
    request, reply, prompt = receipt.request, receipt.reply, receipt.prompt
    vocabulary: int | None = None
    fingerprint: str | None = None
    pieces: dict[int, bytes] = {}
    blocks: list[Link] = []
    if prompt is not None:
        fingerprint = prompt.encoding.vocabulary
        vocabulary = _vocabulary(db, fingerprint)
        pieces = _keep_pieces(db, vocabulary, receipt)
        blocks = [(block, None) for block in prompt_blocks(prompt, pieces)]
    said = [_link(message) for message in (*request.messages, reply.message)]
    dropped = [_link(message) for message in receipt.memory.dropped]
    return _Packed(
        (
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
        ),
        (said, dropped, blocks),
        setup_data(receipt),
        (squeeze(details_data(receipt)), _tokens(reply.tokens, pieces)),
        vocabulary,
        fingerprint,
    )


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
    own = [cell if isinstance(cell, bytes) else repr(cell).encode() for cell in row]
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


@value
class _Told:
    """A receipt's number, and the contents of its messages."""

    number: int
    receipt: Receipt
    contents: list[int]


def _index_messages(db: apsw.Connection, told: Sequence[_Told]) -> None:
    """Note which messages a search finds receipts by: those that are new in each, and those that
    no receipt told of before."""
    known = _known_messages(db, {id for each in told for id in each.contents})
    texts: list[tuple[int, str]] = []
    rows: list[tuple[int, int]] = []
    for each in told:
        receipt, contents = each.receipt, each.contents
        messages = (*receipt.request.messages, receipt.reply.message, *receipt.memory.dropped)
        new = set(contents[receipt.replayed_messages : len(receipt.request.messages) + 1])
        for content, message in dict(zip(contents, messages, strict=True)).items():
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
