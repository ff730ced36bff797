"""Byte-pair encoding of one piece of text.

The piece starts as one token a byte. Again and again the neighbouring pair that was learned
first (the one of lowest rank; of equals, the leftmost) becomes one token, until no neighbours
are a known pair.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush

Pair = Callable[[int, int], int | None]
"""What two neighbouring ids merge into: `rank << 32 | id`, or `None` when they do not."""

ID = (1 << 32) - 1


def merge(ids: list[int], pair: Pair) -> list[int]:
    """The tokens that `ids`, one a byte, merge into. Time: n log n.

    The tokens form a linked list, so that a merge costs the same anywhere; the pairs wait in a
    heap, the lowest rank on top. A pair is forgotten when a neighbour was merged first: what it
    would become is then no longer what stands there.
    """
    size = len(ids)
    if size < 2:
        return ids
    token = [*ids, -1]  # -1: swallowed by its left neighbour; the last entry is the end
    before = list(range(-1, size))
    after = list(range(1, size + 2))
    heap = [
        (merged, place)
        for place in range(size - 1)
        if (merged := pair(ids[place], ids[place + 1])) is not None
    ]
    heapify(heap)
    while heap:
        merged, left = heappop(heap)
        right = after[left]
        if token[left] < 0 or right >= size or pair(token[left], token[right]) != merged:
            continue
        token[left], token[right] = merged & ID, -1
        after[left] = after[right]
        before[after[left]] = left
        for first, second in ((before[left], left), (left, after[left])):
            if first >= 0 and second < size:
                new = pair(token[first], token[second])
                if new is not None:
                    heappush(heap, (new, first))
    return [id for id in token if id >= 0]
