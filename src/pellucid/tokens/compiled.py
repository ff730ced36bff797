"""A vocabulary as one file that opens in a moment.

The file is mapped into memory, so opening it reads next to nothing: only the pages that a text
touches are ever loaded. It holds the pieces end to end, two hash tables (the bytes of a piece ->
its id; a pair of ids -> rank and id of what it merges into) and a header in JSON.

    magic | length and CRC of the header | header | sections, each at a multiple of 8
"""

from __future__ import annotations

import json
import mmap
import os
import struct
import sys
from array import array
from collections.abc import Mapping
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, Literal
from zlib import crc32

from ..errors import BrokenVocabulary, TokenError
from .vocabulary import Kind, Vocabulary

MAGIC = b"pellucid-vocab-1\0" + sys.byteorder[:1].encode()
_FIXED = struct.Struct(f"={len(MAGIC)}sII")
_NOBODY = 0xFFFFFFFF
_NO_PAIR = 0xFFFFFFFFFFFFFFFF


def _pair_slot(left: int, right: int) -> int:
    return left * 0x9E3779B1 + right * 0x85EBCA6B


class Compiled:
    """A built vocabulary. `find`, `pair` and `piece` look one thing up; the rest is small."""

    def __init__(self, buffer: mmap.mmap | bytes, name: str) -> None:
        view = memoryview(buffer)
        header, body = _header(view, name)
        self.name: str = header["name"]
        self.fingerprint: str = header["fingerprint"]
        self.pretokenizer: str = header["pretokenizer"]
        self.nfc: bool = header["nfc"]
        self.ignore_merges: bool = header["ignore_merges"]
        self.controls: dict[str, int] = header["controls"]
        self.blanks: dict[str, int] = header["blanks"]
        self.bos: int | None = header["bos"]
        self.end_ids = frozenset[int](header["end_ids"])
        self.byte_ids: list[int | None] = header["byte_ids"]
        self.ranked: bool = header["ranked"]
        """Whether the ids are ranks: every token is what its own bytes merge into, in the order
        of the ids. Engines that know no merges, only ranks, then give the same ids."""

        def section(key: str, format: Literal["B", "I", "Q"]) -> memoryview[int]:
            start, length = header["sections"][key]
            return body[start : start + length].cast(format)

        self.ends = section("ends", "I")
        self.characters = section("characters", "I")
        """How many characters start in each token."""
        self.inside = section("inside", "B")
        """1 for each token that starts inside a character."""
        self.kinds = section("kinds", "B")
        self._blob = section("blob", "B")
        self._slots = section("slots", "I")
        self._pairs = section("pairs", "Q")
        self._slot_mask = len(self._slots) - 1
        self._pair_mask = len(self._pairs) // 2 - 1

    def __len__(self) -> int:
        return len(self.kinds)

    def piece(self, id: int) -> bytes:
        """The bytes of a token; raises `TokenError` when there is no such id."""
        if not 0 <= id < len(self.kinds):
            raise TokenError(
                f"There is no token {id}: the vocabulary {self.name} has {len(self):,} tokens, "
                "numbered from 0."
            )
        return bytes(self._blob[self.ends[id] : self.ends[id + 1]])

    def find(self, piece: bytes) -> int | None:
        """The normal token with these bytes."""
        slot = crc32(piece) & self._slot_mask
        while (id := self._slots[slot]) != _NOBODY:
            if self._blob[self.ends[id] : self.ends[id + 1]] == piece:
                return id
            slot = (slot + 1) & self._slot_mask
        return None

    def pair(self, left: int, right: int) -> int | None:
        """What two neighbours merge into, as `bpe.Pair`."""
        wanted = left << 32 | right
        slot = _pair_slot(left, right) & self._pair_mask
        while (key := self._pairs[2 * slot]) != wanted:
            if key == _NO_PAIR:
                return None
            slot = (slot + 1) & self._pair_mask
        return self._pairs[2 * slot + 1]

    def normal(self) -> dict[bytes, int]:
        """Every normal token: its bytes -> its id. All of the vocabulary, in memory."""
        return {self.piece(id): id for id, kind in enumerate(self.kinds) if kind == Kind.NORMAL}


def open_(path: Path) -> Compiled:
    """Map a built vocabulary. Raises `BrokenVocabulary` when it is missing, damaged or of
    another version of Pellucid: build it again."""
    try:
        with path.open("rb") as file:
            buffer = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:  # ValueError: an empty file
        raise BrokenVocabulary(f"The built vocabulary {path} cannot be read: {error}.") from error
    return Compiled(buffer, str(path))


def build(vocabulary: Vocabulary, path: Path) -> None:
    """Write the built form of `vocabulary`; what was at `path` is replaced in one step.

    Raises `TokenError` when it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_bytes(pack(vocabulary))
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise TokenError(
            f"The vocabulary cannot be written to {path}: {error.strerror}."
        ) from error


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
            "name": vocabulary.pretokenizer,
            "fingerprint": vocabulary.fingerprint(),
            "pretokenizer": vocabulary.pretokenizer,
            "nfc": vocabulary.nfc,
            "ignore_merges": vocabulary.ignore_merges,
            "controls": dict(vocabulary.controls),
            "blanks": dict(vocabulary.blanks),
            "bos": vocabulary.bos,
            "end_ids": sorted(vocabulary.end_ids),
            "byte_ids": [normal.get(bytes([byte])) for byte in range(256)],
            "ranked": _ranked(vocabulary, normal),
            "sections": places,
            "size": len(body),
            "crc": crc32(body),
        },
        ensure_ascii=False,
    ).encode()
    header += b" " * (-(_FIXED.size + len(header)) % 8)
    return _FIXED.pack(MAGIC, len(header), crc32(header)) + header + body


_CONTINUATIONS = bytes(range(0x80, 0xC0))
"""The bytes inside a character of UTF-8, all but its first."""


def _characters(piece: bytes) -> int:
    return len(piece.translate(None, _CONTINUATIONS))


def _slots(normal: dict[bytes, int]) -> array[int]:
    size = _table_size(len(normal))
    slots = array("I", [_NOBODY]) * size
    for piece, id in normal.items():
        slot = crc32(piece) & (size - 1)
        while slots[slot] != _NOBODY:
            slot = (slot + 1) & (size - 1)
        slots[slot] = id
    return slots


def _pairs(vocabulary: Vocabulary) -> array[int]:
    size = _table_size(len(vocabulary.merges))
    pairs = array("Q", [_NO_PAIR]) * (2 * size)
    for rank, (left, right) in enumerate(vocabulary.merges):
        key = left << 32 | right
        slot = _pair_slot(left, right) & (size - 1)
        while pairs[2 * slot] not in (_NO_PAIR, key):
            slot = (slot + 1) & (size - 1)
        if pairs[2 * slot] == _NO_PAIR:  # of a merge listed twice, the first counts
            pairs[2 * slot] = key
            pairs[2 * slot + 1] = rank << 32 | vocabulary.results[rank]
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
    if any(one >= next for one, next in pairwise(results)):
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


def _header(view: memoryview, name: str) -> tuple[dict[str, Any], memoryview]:
    """The header and the body after it. Raises `BrokenVocabulary`."""
    broken = BrokenVocabulary(f"The built vocabulary {name} is damaged: build it again.")
    if len(view) < _FIXED.size:
        raise broken
    magic, length, checksum = _FIXED.unpack_from(view)
    if magic != MAGIC:
        raise BrokenVocabulary(f"{name} is not a vocabulary built by this version of Pellucid.")
    header = view[_FIXED.size : _FIXED.size + length]
    body = view[_FIXED.size + length :]
    if crc32(header) != checksum:
        raise broken
    values: dict[str, Any] = json.loads(bytes(header))
    if len(body) != values["size"] or crc32(body) != values["crc"]:
        raise broken
    return values, body
