"""Which tokens may hide behind a stretch of text.

While what a model has written ends inside a character, llama.cpp's server holds it back; when the
character is complete it sends the text of several tokens and names only the last of them.
"""

from __future__ import annotations

from typing import Protocol

LONGEST = 1024
"""Bytes searched; what a few hidden tokens spell is far shorter."""
MOST = 64
"""Ways told; from the second on, none is certain."""


class Pieces(Protocol):
    """The tokens of a vocabulary, as bytes."""

    def piece(self, id: int) -> bytes:
        """The bytes of a token; raises `TokenError` when there is no such id."""

    def find(self, piece: bytes) -> int | None:
        """The token with these bytes that text can become."""


def splits(vocabulary: Pieces, data: bytes, count: int, last: int) -> list[tuple[int, ...]]:
    """Every way to write `data` as `count` tokens, the last of them `last`, such that no token
    before it completes a character. No ways when there are none, at most `MOST` of them, and none
    where `data` is longer than `LONGEST`. Raises `TokenError` when there is no token `last`.
    """
    tail = vocabulary.piece(last)
    if not data.endswith(tail) or len(data) > LONGEST:
        return []
    cuts = [end for end in range(1, len(data) - len(tail) + 1) if _unfinished(data, end)]
    ways: dict[int, list[tuple[int, ...]]] = {0: [()]}  # by where they end
    for _ in range(count - 1):
        longer: dict[int, list[tuple[int, ...]]] = {}
        for start, heads in ways.items():
            for end in cuts:
                if end > start and (id := vocabulary.find(data[start:end])) is not None:
                    found = longer.setdefault(end, [])
                    found += [(*head, id) for head in heads[: MOST - len(found)]]
        ways = longer
    return [(*head, last) for head in ways.get(len(data) - len(tail), [])]


def _unfinished(data: bytes, end: int) -> bool:
    """Whether `data[:end]` ends inside a character, by llama.cpp's rule: one of the last bytes
    opens a longer character than what follows it. (validate_utf8 in its server-common.cpp)"""
    for length in range(1, min(4, end + 1)):
        byte = data[end - length]
        needed = 2 if byte >> 5 == 0b110 else 3 if byte >> 4 == 0b1110 else 4
        if byte >= 0xC0 and byte < 0xF8 and length < needed:
            return True
    return False
