"""Which characters of a text each of its tokens covers.

A token is bytes: it may begin or end inside a character, and then covers the whole of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, islice
from operator import sub

from . import normalize
from .compiled import Compiled

Range = tuple[int, int]


def counted(vocabulary: Compiled, ids: Sequence[int], start: int) -> Iterator[Range]:
    """The ranges of tokens that spell their text byte for byte, from character `start` on."""
    inside = bytes(vocabulary.inside) if len(ids) > 1000 else vocabulary.inside  # twice as fast
    ends = list(accumulate(map(vocabulary.characters.__getitem__, ids), initial=start))
    # A token that begins inside a character begins one back: that character is counted already.
    starts = map(sub, ends, map(inside.__getitem__, ids))
    return zip(starts, islice(ends, 1, None), strict=True)


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
