"""The engine for what is long: tiktoken's byte-pair encoding, compiled.

It holds the whole vocabulary in memory and takes a tenth of a second to make, so it is made only
when there is more to encode than that is worth. It knows ranks, not merges, and so serves only
vocabularies whose ids are ranks (`Compiled.ranked`).

It encodes texts, cutting them by the expression of the vocabulary's authors, and single pieces. It
slows down on pieces of a million bytes, so a long piece is encoded in blocks. Each begins some
tokens before the end of the last, and the two are joined at a token they share. That is exact: a
row of tokens is what its bytes merge into if and only if this holds for every two neighbours
(https://github.blog/ai-and-ml/llms/so-many-tokens-so-little-time-introducing-a-faster-more-flexible-byte-pair-tokenizer/).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from .compiled import Compiled
from .pretokenize import STEPS, Pretokenizer
from .unicode_age import uncertain

if TYPE_CHECKING:
    from tiktoken import Encoding

    from .fast import FastBpe

BLOCK = 1024
"""Characters by which a long piece grows at once."""
OVERLAP = 4
"""Tokens encoded again with the next block; doubled until the two share one."""


class NativeTexts:
    """Encodes texts in which nothing is special."""

    PART = 1 << 15
    LONGEST = 1 << 16
    """Characters of the texts it is given, about, and at most."""

    def __init__(self, vocabulary: Compiled) -> None:
        (pattern,) = STEPS[vocabulary.pretokenizer].patterns
        self.encode = _engine(vocabulary, pattern).encode_ordinary

    @staticmethod
    def serves(vocabulary: Compiled) -> bool:
        """Whether its expression is one that the engine's authors use as it stands."""
        steps = STEPS.get(vocabulary.pretokenizer)
        lacks = any(id is None for id in vocabulary.byte_ids)
        return vocabulary.ranked and not lacks and steps is not None and len(steps.patterns) == 1


def _engine(vocabulary: Compiled, pattern: str) -> Encoding:
    import tiktoken

    return tiktoken.Encoding(
        vocabulary.name,
        pat_str=pattern,
        mergeable_ranks=dict(vocabulary.normal()),
        special_tokens={},
    )


class NativeBpe:
    """Encodes single pieces: what the pre-tokenizer never cuts.

    Blocks that are a piece also by themselves are left to `fast`, where there is one.
    """

    def __init__(self, vocabulary: Compiled, fast: FastBpe | None = None) -> None:
        self._vocabulary = vocabulary
        self._pretokenizer = Pretokenizer(vocabulary.pretokenizer)
        self._fast = fast
        # What is long is often one thing again and again: dashes, blanks, a letter.
        self._encode = lru_cache(maxsize=16)(self._block)

    def _block(self, text: str) -> Sequence[int]:
        fast = self._fast
        if fast is None or uncertain(text) or len(self._pretokenizer.split(text)) > 1:
            return self._tiktoken.encode_ordinary(text)
        ids: list[int] = fast.encode(text).tolist()
        return ids

    @cached_property
    def _tiktoken(self) -> Encoding:
        return _engine(self._vocabulary, r"(?s).+")

    def encode(self, piece: str) -> list[int]:
        """The ids of one piece. Every byte in it must be a token of the vocabulary."""
        ids: list[int] = []
        for end in range(BLOCK, len(piece) + BLOCK, BLOCK):
            overlap = OVERLAP
            while not self._extend(ids, piece, end, overlap):
                overlap *= 2
        return ids

    def _extend(self, ids: list[int], piece: str, end: int, overlap: int) -> bool:
        """Make `ids`, exact for `piece` up to a block before `end`, exact up to `end`.

        Encodes the last `overlap` tokens again; false when that many share none with the new.
        """
        inside, characters = self._vocabulary.inside, self._vocabulary.characters
        first = max(len(ids) - overlap, 0)
        while first and inside[ids[first]]:
            first -= 1
        old = ids[first:]
        new = self._encode(piece[end - BLOCK - sum(characters[id] for id in old) : end])
        if first == 0:
            ids[:] = new
            return True
        lengths = self._vocabulary.ends
        i = j = place_old = place_new = 0
        while i < len(old) and j < len(new):
            if place_old == place_new and old[i] == new[j]:
                ids[first + i :] = new[j:]
                return True
            if place_old <= place_new:
                place_old += lengths[old[i] + 1] - lengths[old[i]]
                i += 1
            else:
                place_new += lengths[new[j] + 1] - lengths[new[j]]
                j += 1
        return False
