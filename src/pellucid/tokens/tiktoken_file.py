"""Vocabularies in tiktoken's format: lines of a token in base64 and its rank."""

from __future__ import annotations

import binascii
import zlib
from collections.abc import Mapping

from ..errors import UnsupportedVocabulary
from . import pretokenize
from .vocabulary import LARGEST, Kind, Vocabulary

LARGEST_FILE = 64 << 20
"""Bytes, unpacked; o200k_base has 3.6 million."""


def from_tiktoken(
    data: bytes,
    pretokenizer: str,
    *,
    name: str = "",
    specials: Mapping[str, int] | None = None,
    bos: str | None = None,
    ends: frozenset[str] = frozenset(),
) -> Vocabulary:
    """The vocabulary in a `.tiktoken` file, or one compressed with gzip.

    The file says nothing of its pre-tokenizer (a key of `pretokenize.STEPS`) nor of its special
    tokens: `specials` are those by spelling, `bos` and `ends` some of them. Raises
    `UnsupportedVocabulary`.
    """
    ranks = {}
    for number, line in enumerate(unpacked(data).splitlines(), 1):
        if not line.strip():
            continue
        try:
            token, rank = line.split()
            ranks[binascii.a2b_base64(token, strict_mode=True)] = int(rank)
        except ValueError as error:  # binascii.Error is one
            raise UnsupportedVocabulary(
                f"Line {number} of it is not a token in base64 and its rank."
            ) from error
    return from_ranks(ranks, pretokenizer, name=name, specials=specials or {}, bos=bos, ends=ends)


def from_ranks(
    ranks: Mapping[bytes, int],
    pretokenizer: str,
    *,
    name: str,
    specials: Mapping[str, int],
    bos: str | None,
    ends: frozenset[str],
) -> Vocabulary:
    """The vocabulary of tokens whose ids are their ranks. Raises `UnsupportedVocabulary`."""
    ids = sorted([*ranks.values(), *specials.values()])
    if not ranks or ids[0] < 0 or ids[-1] >= LARGEST:
        raise UnsupportedVocabulary("Its ids are not those of a vocabulary.")
    if len(set(ids)) != len(ids):
        raise UnsupportedVocabulary("Two of its tokens have the same id.")
    missing = [byte for byte in range(256) if bytes([byte]) not in ranks]
    if missing:
        raise UnsupportedVocabulary(f"It has no token for the byte {missing[0]:02X}.")
    pieces = [b""] * (ids[-1] + 1)
    kinds = bytearray([Kind.UNUSED]) * len(pieces)
    for piece, rank in ranks.items():
        pieces[rank], kinds[rank] = piece, Kind.NORMAL
    for spelling, id in specials.items():
        pieces[id], kinds[id] = spelling.encode(), Kind.CONTROL
    return Vocabulary(
        pretokenizer=pretokenizer,
        nfc=pretokenize.STEPS[pretokenizer].nfc if pretokenizer in pretokenize.STEPS else False,
        ignore_merges=False,
        pieces=tuple(pieces),
        kinds=bytes(kinds),
        merges=(),
        results=(),
        controls=dict(specials),
        blanks={},
        bos=None if bos is None else specials[bos],
        end_ids=frozenset(specials[end] for end in ends),
        name=name,
        ranks=True,
    )


def looks_like(data: bytes) -> bool:
    """Whether a file seems to be in this format: its first line is a token and its rank."""
    try:
        token, rank = unpacked(data).partition(b"\n")[0].split()
        binascii.a2b_base64(token, strict_mode=True)
    except ValueError:
        return False
    return rank.isdigit()


def unpacked(data: bytes) -> bytes:
    """The data of a file that may be compressed with gzip. Raises `UnsupportedVocabulary`."""
    if not data.startswith(b"\x1f\x8b"):
        return data
    unpacker = zlib.decompressobj(wbits=31)
    try:
        plain = unpacker.decompress(data, LARGEST_FILE)
    except zlib.error as error:
        raise UnsupportedVocabulary("Its gzip data is damaged.") from error
    if not unpacker.eof:
        raise UnsupportedVocabulary("Its gzip data is cut short, or unpacks to too much.")
    return plain
