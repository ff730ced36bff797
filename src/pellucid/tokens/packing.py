"""Making the file that `compiled` opens."""

from __future__ import annotations

import json
from array import array
from collections.abc import Mapping
from dataclasses import asdict
from itertools import accumulate, pairwise
from zlib import crc32

from .compiled import FIXED, MAGIC, NO_PAIR, NO_TOKEN, pair_slot
from .vocabulary import Kind, Vocabulary


def pack(vocabulary: Vocabulary) -> bytes:
    """The built form of `vocabulary`; `Compiled(pack(vocabulary), name)` opens it from memory."""
    pieces = vocabulary.pieces
    normal = {
        piece: id
        for id, (piece, kind) in enumerate(zip(pieces, vocabulary.kinds, strict=True))
        if kind == Kind.NORMAL
    }
    sections = {
        "ends": array("I", accumulate(map(len, pieces), initial=0)).tobytes(),
        "characters": array("I", map(_characters, pieces)).tobytes(),
        "inside": bytes(0x80 <= piece[0] < 0xC0 if piece else 0 for piece in pieces),
        "kinds": vocabulary.kinds,
        "blob": b"".join(pieces),
        "slots": _slots(normal).tobytes(),
        "pairs": _pairs(vocabulary).tobytes(),
    }
    places, body = {}, bytearray()
    for key, data in sections.items():
        places[key] = (len(body), len(data))
        body += data + bytes(-len(data) % 8)
    header = json.dumps(
        {
            "name": vocabulary.name or vocabulary.pretokenizer,
            "fingerprint": vocabulary.fingerprint(),
            "pretokenizer": vocabulary.pretokenizer,
            "nfc": vocabulary.nfc,
            "ignore_merges": vocabulary.ignore_merges,
            "controls": dict(vocabulary.controls),
            "blanks": dict(vocabulary.blanks),
            "bos": vocabulary.bos,
            "end_ids": sorted(vocabulary.end_ids),
            "byte_ids": _byte_ids(vocabulary, normal),
            "ranked": vocabulary.ranks or _ranked(vocabulary, normal),
            "ranks": vocabulary.ranks,
            "sentencepiece": asdict(vocabulary.sentencepiece) if vocabulary.sentencepiece else None,
            "swallows": dict(vocabulary.swallows),
            "sections": places,
            "size": len(body),
            "crc": crc32(body),
        },
        ensure_ascii=False,
    ).encode()
    header += b" " * (-(FIXED.size + len(header)) % 8)
    return FIXED.pack(MAGIC, len(header), crc32(header)) + header + body


def _byte_ids(vocabulary: Vocabulary, normal: Mapping[bytes, int]) -> list[int | None]:
    """The token of each byte: in SentencePiece's vocabularies of a kind of their own."""
    known = normal
    if vocabulary.sentencepiece:
        named = enumerate(zip(vocabulary.pieces, vocabulary.kinds, strict=True))
        known = {piece: id for id, (piece, kind) in named if kind == Kind.BYTE}
    return [known.get(bytes([byte])) for byte in range(256)]


_CONTINUATIONS = bytes(range(0x80, 0xC0))
"""The bytes inside a character of UTF-8, all but its first."""


def _characters(piece: bytes) -> int:
    return len(piece.translate(None, _CONTINUATIONS))


def _slots(normal: dict[bytes, int]) -> array[int]:
    size = _table_size(len(normal))
    slots = array("I", [NO_TOKEN]) * size
    for piece, id in normal.items():
        slot = crc32(piece) & (size - 1)
        while slots[slot] != NO_TOKEN:
            slot = (slot + 1) & (size - 1)
        slots[slot] = id
    return slots


def _pairs(vocabulary: Vocabulary) -> array[int]:
    size = _table_size(len(vocabulary.merges))
    pairs = array("Q", [NO_PAIR]) * (2 * size)
    ranks = vocabulary.merge_ranks or range(len(vocabulary.merges))
    for rank, (left, right), result in zip(
        ranks, vocabulary.merges, vocabulary.results, strict=True
    ):
        key = left << 32 | right
        slot = pair_slot(left, right) & (size - 1)
        while pairs[2 * slot] not in (NO_PAIR, key):
            slot = (slot + 1) & (size - 1)
        if pairs[2 * slot] == NO_PAIR:  # of a merge listed twice, the first counts
            pairs[2 * slot] = key
            pairs[2 * slot + 1] = rank << 32 | result
    return pairs


def _table_size(entries: int) -> int:
    """A power of two that leaves a third of the table free, or more."""
    size = 8
    while size < 1.5 * entries:
        size *= 2
    return size


def _ranked(vocabulary: Vocabulary, normal: Mapping[bytes, int]) -> bool:
    """Whether every normal token is what its bytes merge into, and ids rise with the ranks.

    Take a token made of `left` and `right` and go back in time: undo whichever of the two at its
    border was made last, and look whether the two then at the border could have merged instead.
    If they never could, the bytes merge into the token.
    """
    results, merges = vocabulary.results, vocabulary.merges
    if vocabulary.sentencepiece or any(one >= next for one, next in pairwise(results)):
        return False
    if len(results) + sum(len(piece) == 1 for piece in normal) != len(normal):
        return False  # a token that no merge makes
    rank_of = {result: rank for rank, result in enumerate(results)}
    rank_of_pair = {pair: rank for rank, pair in enumerate(merges)}
    never = len(merges)
    for rank, (left, right) in enumerate(merges):
        if rank_of.get(left, -1) >= rank or rank_of.get(right, -1) >= rank:
            return False
        while left in rank_of or right in rank_of:
            undone_left, undone_right = rank_of.get(left, -1), rank_of.get(right, -1)
            if undone_left > undone_right:
                left = merges[undone_left][1]
                if rank_of_pair.get((left, right), never) < undone_left:
                    return False
            else:
                right = merges[undone_right][0]
                # Of equal pairs the leftmost goes first: here, the one across the border.
                if rank_of_pair.get((left, right), never) <= undone_right:
                    return False
    return True
