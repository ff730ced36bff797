"""Which characters of a text each of its tokens covers.

A token is bytes: it may begin or end inside a character, and then covers the whole of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, islice, pairwise
from operator import itemgetter, sub

from . import normalize
from .compiled import Compiled

Range = tuple[int, int]

MANY = 1000
"""Ids from which other ways to look them up are faster."""


def counted(vocabulary: Compiled, ids: Sequence[int], start: int) -> Iterator[Range]:
    """The ranges of tokens that spell their text byte for byte, from character `start` on."""
    lengths, inside = _looked_up(vocabulary, ids)
    ends = list(accumulate(lengths, initial=start))
    if not any(inside):
        return pairwise(ends)
    # A token that begins inside a character begins one back: that character is counted already.
    return zip(map(sub, ends, inside), islice(ends, 1, None), strict=False)


def _looked_up(vocabulary: Compiled, ids: Sequence[int]) -> tuple[Sequence[int], Sequence[int]]:
    """How many characters start in each token, and which tokens start inside one."""
    if len(ids) < MANY:
        return [vocabulary.characters[id] for id in ids], [vocabulary.inside[id] for id in ids]
    of_all = itemgetter(*ids)
    return of_all(vocabulary.characters_listed), of_all(bytes(vocabulary.inside))


def traced(vocabulary: Compiled, ids: Sequence[int], text: str, start: int) -> Iterator[Range]:
    """The same for tokens that spell `text` normalised, or without bytes the vocabulary lacks."""
    owners: list[Range] = []  # of every byte that is spelt
    characters = (
        normalize.traced(text)
        if vocabulary.nfc
        else ((character, i, i + 1) for i, character in enumerate(text))
    )
    for character, first, end in characters:
        spelt = sum(vocabulary.byte_ids[byte] is not None for byte in character.encode())
        owners += [(start + first, start + end)] * spelt
    done = 0
    for id in ids:
        last = done + vocabulary.ends[id + 1] - vocabulary.ends[id] - 1
        yield owners[done][0], owners[last][1]
        done = last + 1
