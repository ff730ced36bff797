"""A vocabulary as one file that opens in a moment.

It is read whole, checked, and used as it lies: nothing is built. It is not mapped, since a mapped
file that somebody cuts short would end this process. It holds the pieces end to end, two hash
tables (the bytes of a piece -> its id; a pair of ids -> rank and id of what it merges into) and a
header in JSON.

    magic | length and CRC of the header | header | sections, each at a multiple of 8
"""

from __future__ import annotations

import json
import os
import struct
import sys
from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from zlib import crc32

from ..errors import BrokenVocabulary, TokenError
from .blanks import SentencePiece, Side

if TYPE_CHECKING:
    from .vocabulary import Vocabulary

MAGIC = b"pellucid-vocab-2\0" + sys.byteorder[:1].encode()
FIXED = struct.Struct(f"={len(MAGIC)}sII")
NO_TOKEN = 0xFFFFFFFF
NO_PAIR = 0xFFFFFFFFFFFFFFFF
UNUSED = 5
"""`vocabulary.Kind.UNUSED`, without loading what reads vocabularies."""


def pair_slot(left: int, right: int) -> int:
    return left * 0x9E3779B1 + right * 0x85EBCA6B


class Compiled:
    """A built vocabulary. `find`, `pair` and `piece` look one thing up; the rest is small."""

    def __init__(self, buffer: bytes, name: str) -> None:
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

        self.sentencepiece = (
            SentencePiece(**header["sentencepiece"]) if header["sentencepiece"] else None
        )
        self.swallows: dict[str, Side] = header["swallows"]

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
        self._ranks = header["ranks"]
        self._slot_mask = len(self._slots) - 1
        self._pair_mask = len(self._pairs) // 2 - 1

    def __len__(self) -> int:
        return len(self.kinds)

    @cached_property
    def characters_listed(self) -> list[int]:
        """`characters`, quicker to look up and with more memory."""
        return self.characters.tolist()

    def piece(self, id: int) -> bytes:
        """The bytes of a token; raises `TokenError` when there is no such id."""
        if not 0 <= id < len(self.kinds):
            raise TokenError(
                f"There is no token {id}: the vocabulary {self.name} has {len(self):,} tokens, "
                "numbered from 0."
            )
        piece = bytes(self._blob[self.ends[id] : self.ends[id + 1]])
        if not piece and self.kinds[id] == UNUSED:
            raise TokenError(f"The vocabulary {self.name} leaves the id {id} unused.")
        return piece

    def find(self, piece: bytes) -> int | None:
        """The normal token with these bytes."""
        slot = crc32(piece) & self._slot_mask
        while (id := self._slots[slot]) != NO_TOKEN:
            if self._blob[self.ends[id] : self.ends[id + 1]] == piece:
                return id
            slot = (slot + 1) & self._slot_mask
        return None

    def pair(self, left: int, right: int) -> int | None:
        """What two neighbours merge into, as `bpe.Pair`."""
        if self._ranks:
            id = self.find(self.piece(left) + self.piece(right))
            return None if id is None else id << 32 | id
        wanted = left << 32 | right
        slot = pair_slot(left, right) & self._pair_mask
        while (key := self._pairs[2 * slot]) != wanted:
            if key == NO_PAIR:
                return None
            slot = (slot + 1) & self._pair_mask
        return self._pairs[2 * slot + 1]

    def normal(self) -> Iterator[tuple[bytes, int]]:
        """Every normal token: its bytes and its id, in the order of the ids."""
        from .vocabulary import Kind

        blob, spans = bytes(self._blob), pairwise(self.ends)
        for id, ((start, end), kind) in enumerate(zip(spans, self.kinds, strict=True)):
            if kind == Kind.NORMAL:
                yield blob[start:end], id


def open_(path: Path) -> Compiled:
    """Read a built vocabulary. Raises `BrokenVocabulary` when it is missing, damaged or of
    another version of Pellucid: build it again."""
    try:
        buffer = path.read_bytes()
    except OSError as error:
        raise BrokenVocabulary(f"The built vocabulary {path} cannot be read: {error}.") from error
    return Compiled(buffer, str(path))


def build(vocabulary: Vocabulary, path: Path) -> None:
    """Write the built form of `vocabulary`; what was at `path` is replaced in one step.

    Raises `TokenError` when it cannot be written.
    """
    from .packing import pack

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


def _header(view: memoryview, name: str) -> tuple[dict[str, Any], memoryview]:
    """The header and the body after it. Raises `BrokenVocabulary`."""
    broken = BrokenVocabulary(f"The built vocabulary {name} is damaged: build it again.")
    if len(view) < FIXED.size:
        raise broken
    magic, length, checksum = FIXED.unpack_from(view)
    if magic != MAGIC:
        raise BrokenVocabulary(f"{name} is not a vocabulary built by this version of Pellucid.")
    header = view[FIXED.size : FIXED.size + length]
    body = view[FIXED.size + length :]
    if crc32(header) != checksum:
        raise broken
    values: dict[str, Any] = json.loads(bytes(header))
    if len(body) != values["size"] or crc32(body) != values["crc"]:
        raise broken
    return values, body
