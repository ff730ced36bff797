"""The fast engine for what is long: tiktoken's byte-pair encoding, compiled.

It holds the whole vocabulary in memory and takes a tenth of a second to make, so it is made only
when there is more to encode than that is worth. It knows ranks, not merges, and so serves only
vocabularies whose ids are ranks (`Compiled.ranked`).

It slows down on pieces of a million bytes, so a long piece is encoded in blocks. Each begins some
tokens before the end of the last, and the two are joined at a token they share. That is exact: a
row of tokens is what its bytes merge into if and only if this holds for every two neighbours
(https://github.blog/ai-and-ml/llms/so-many-tokens-so-little-time-introducing-a-faster-more-flexible-byte-pair-tokenizer/).
"""

from __future__ import annotations

from functools import lru_cache

from .compiled import Compiled

BLOCK = 1024
"""Characters by which a long piece grows at once."""
OVERLAP = 4
"""Tokens encoded again with the next block; doubled until the two share one."""


class NativeBpe:
    """Encodes single pieces: what the pre-tokenizer never cuts."""

    def __init__(self, vocabulary: Compiled) -> None:
        import tiktoken

        self._vocabulary = vocabulary
        encoding = tiktoken.Encoding(
            vocabulary.name,
            pat_str=r"(?s).+",  # pieces are cut before they come here
            mergeable_ranks=vocabulary.normal(),
            special_tokens={},
        )
        # What is long is often one thing again and again: dashes, blanks, a letter.
        self._encode = lru_cache(maxsize=16)(encoding.encode_ordinary)

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
