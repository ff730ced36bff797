"""A prompt as blocks that conversations share, and the tokens of a reply as one blob.

The next prompt of a conversation is the last one and a little more. So a prompt is cut where a
message begins or ends, and a block says nothing about its place: its offsets, spans and messages
are counted from where it begins. Equal stretches are equal blocks, which the store keeps once.

The bytes of a token are not repeated either: `pieces` maps ids to the bytes a vocabulary has for
them, and a block holds only the exceptions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import get_args

from ..prompt.values import Origin, OriginKind, Prompt, Span
from ..replies import Candidate, ReplyToken
from ..tokens.encoding import Encoding
from ..value import value
from .packing import Packer, Unpacker

_KINDS: tuple[OriginKind, ...] = get_args(OriginKind)


def prompt_blocks(prompt: Prompt, pieces: Mapping[int, bytes]) -> list[bytes]:
    """The prompt, cut and packed; `read_blocks` puts it together again.

    What is not in the blocks: vocabulary, roles, notes, `exact` and `replayed`.
    """
    blocks = []
    message = -1  # the last message named by a span so far
    for start, end in pairwise([*_cuts(prompt), _end(prompt)]):
        packer = Packer()
        _pack_tokens(packer, prompt, start, end, pieces)
        message = _pack_spans(packer, prompt.spans[start.span : end.span], start.char, message)
        _pack_origins(packer, prompt.origins[start.token : end.token], start.span)
        blocks.append(packer.packed())
    return blocks


@value
class Blocks:
    """What `read_blocks` found: the fields of `Prompt` that blocks hold."""

    encoding: Encoding
    spans: tuple[Span, ...]
    origins: tuple[tuple[int, ...], ...]


def read_blocks(blocks: Iterable[bytes], pieces: Mapping[int, bytes], vocabulary: str) -> Blocks:
    text: list[str] = []
    ids: list[int] = []
    found: list[bytes] = []
    offsets: list[tuple[int, int]] = []
    special: list[bool] = []
    spans: list[Span] = []
    origins: list[tuple[int, ...]] = []
    char, message = 0, -1
    for block in blocks:
        unpacker = Unpacker(block)
        first_span = len(spans)
        block_ids = unpacker.ints()
        block_pieces = _read_pieces(unpacker, block_ids, pieces)
        ids += block_ids
        found += block_pieces
        offsets += _read_ranges(unpacker, char)
        controls = set(unpacker.ints())
        special += [i in controls for i in range(len(block_ids))]
        own_text = unpacker.blob()
        block_text = _text(own_text[1:] if own_text else b"".join(block_pieces))
        block_spans, message = _read_spans(unpacker, char, message)
        spans += block_spans
        origins += _read_origins(unpacker, first_span)
        text.append(block_text)
        char += len(block_text)
    encoding = Encoding(
        "".join(text), tuple(ids), tuple(found), tuple(offsets), tuple(special), vocabulary
    )
    return Blocks(encoding, tuple(spans), tuple(origins))


@value
class _Place:
    """A place where a prompt can be cut: what comes before it, counted."""

    char: int
    token: int
    span: int


def _end(prompt: Prompt) -> _Place:
    return _Place(len(prompt.text), len(prompt.ids), len(prompt.spans))


def _cuts(prompt: Prompt) -> list[_Place]:
    """Where blocks begin: the borders of messages. A token that straddles one comes after it."""
    cuts = [_Place(0, 0, 0)]
    offsets = prompt.encoding.offsets
    token = 0
    for k, (before, span) in enumerate(pairwise(prompt.spans), start=1):
        if before.origin.message == span.origin.message:
            continue
        while token < len(offsets) and offsets[token][1] <= span.start:
            token += 1
        if cuts[-1].char < span.start <= len(prompt.text):
            cuts.append(_Place(span.start, token, k))
    return cuts


def _pack_tokens(
    packer: Packer, prompt: Prompt, start: _Place, end: _Place, pieces: Mapping[int, bytes]
) -> None:
    encoding, part = prompt.encoding, slice(start.token, end.token)
    packer.ints(encoding.ids[part])
    _pack_pieces(packer, encoding.ids[part], encoding.pieces[part], pieces)
    _pack_ranges(packer, encoding.offsets[part], start.char)
    packer.ints([i for i, special in enumerate(encoding.special[part]) if special])
    text = _bytes(prompt.text[start.char : end.char])
    # Most vocabularies spell the text exactly: then it is not kept a second time.
    packer.blob(b"" if text == b"".join(encoding.pieces[part]) else b"=" + text)


def _pack_pieces(
    packer: Packer, ids: Sequence[int], found: Sequence[bytes], pieces: Mapping[int, bytes]
) -> None:
    odd = [
        i for i, (id, piece) in enumerate(zip(ids, found, strict=True)) if pieces.get(id) != piece
    ]
    packer.ints(odd)
    packer.ints([len(found[i]) for i in odd])
    packer.blob(b"".join(found[i] for i in odd))


def _read_pieces(
    unpacker: Unpacker, ids: Sequence[int], pieces: Mapping[int, bytes]
) -> list[bytes]:
    odd, lengths, data = unpacker.ints(), unpacker.ints(), unpacker.blob()
    own: dict[int, bytes] = {}
    at = 0
    for i, length in zip(odd, lengths, strict=True):
        own[i] = data[at : at + length]
        at += length
    return [own[i] if i in own else pieces[id] for i, id in enumerate(ids)]


def _pack_ranges(packer: Packer, ranges: Iterable[tuple[int, int]], origin: int) -> None:
    """Ranges that mostly follow one another: the gap before each, and its length."""
    gaps, lengths = [], []
    for start, end in ranges:
        gaps.append(start - origin)
        lengths.append(end - start)
        origin = end
    packer.ints(gaps)
    packer.ints(lengths)


def _read_ranges(unpacker: Unpacker, origin: int) -> list[tuple[int, int]]:
    ranges = []
    for gap, length in zip(unpacker.ints(), unpacker.ints(), strict=True):
        start = origin + gap
        origin = start + length
        ranges.append((start, origin))
    return ranges


def _pack_spans(packer: Packer, spans: Sequence[Span], char: int, message: int) -> int:
    """Returns the last message named, from which the next block counts on."""
    _pack_ranges(packer, [(span.start, span.end) for span in spans], char)
    origins = [span.origin for span in spans]
    packer.ints([_KINDS.index(origin.kind) for origin in origins])
    steps = []
    for origin in origins:
        if origin.message is not None:
            steps.append(origin.message - message)
            message = origin.message
    packer.ints([i for i, origin in enumerate(origins) if origin.message is not None])
    packer.ints(steps)
    packer.ints([-1 if origin.part is None else origin.part for origin in origins])
    packer.ints([-1 if origin.tool is None else origin.tool for origin in origins])
    return message


def _read_spans(unpacker: Unpacker, char: int, message: int) -> tuple[list[Span], int]:
    ranges = _read_ranges(unpacker, char)
    kinds = unpacker.ints()
    steps = dict(zip(unpacker.ints(), unpacker.ints(), strict=True))
    spans = []
    rows = zip(ranges, kinds, unpacker.ints(), unpacker.ints(), strict=True)
    for i, ((start, end), kind, part, tool) in enumerate(rows):
        if i in steps:
            message += steps[i]
        origin = Origin(
            _KINDS[kind],
            message if i in steps else None,
            None if part == -1 else part,
            None if tool == -1 else tool,
        )
        spans.append(Span(start, end, origin))
    return spans, message


def _pack_origins(packer: Packer, origins: Sequence[tuple[int, ...]], first: int) -> None:
    packer.ints([len(touched) - 1 for touched in origins])
    packer.ints([span - first for touched in origins for span in touched])


def _read_origins(unpacker: Unpacker, first: int) -> list[tuple[int, ...]]:
    counts = unpacker.ints()
    flat = iter([span + first for span in unpacker.ints()])
    return [tuple(next(flat) for _ in range(count + 1)) for count in counts]


def pack_reply(tokens: Sequence[ReplyToken], pieces: Mapping[int, bytes]) -> bytes:
    """The tokens of a reply with their alternatives; log-probabilities become binary16.

    A token that is among its own alternatives, as it mostly is, is kept there alone.
    """
    ranks = [_rank(token) for token in tokens]
    unlisted = [token for token, rank in zip(tokens, ranks, strict=True) if not rank]
    listed = [candidate for token in tokens for candidate in token.alternatives]
    rows: list[ReplyToken | Candidate] = [*unlisted, *listed]
    packer = Packer()
    packer.ints(ranks)
    packer.ints([i for i, token in enumerate(tokens) if not token.exact])
    packer.ints([len(token.alternatives) for token in tokens])
    ids = [row.id for row in rows]
    packer.ints(ids)
    _pack_pieces(packer, ids, [row.piece for row in rows], pieces)
    packer.floats(row.logprob for row in rows)
    return packer.packed()


def read_reply(data: bytes, pieces: Mapping[int, bytes]) -> tuple[ReplyToken, ...]:
    unpacker = Unpacker(data)
    ranks, inexact, counts = unpacker.ints(), set(unpacker.ints()), unpacker.ints()
    ids = unpacker.ints()
    found = _read_pieces(unpacker, ids, pieces)
    rows = [Candidate(*row) for row in zip(ids, found, unpacker.floats(), strict=True)]
    unlisted = iter(rows)
    at = ranks.count(0)
    tokens = []
    for i, (rank, count) in enumerate(zip(ranks, counts, strict=True)):
        alternatives = tuple(rows[at : at + count])
        at += count
        own = alternatives[rank - 1] if rank else next(unlisted)
        tokens.append(ReplyToken(own.id, own.piece, own.logprob, alternatives, i not in inexact))
    return tuple(tokens)


def _rank(token: ReplyToken) -> int:
    """Which of its alternatives a token is, counted from 1; 0 for none."""
    same = Candidate(token.id, token.piece, token.logprob)
    return token.alternatives.index(same) + 1 if same in token.alternatives else 0


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")
