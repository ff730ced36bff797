"""Byte-pair encoding, to be read in a sitting: train, encode, decode.

Text is first cut into pieces, roughly words, which are never joined again. Each piece starts as
one token a byte. Then, again and again, the neighbouring pair that was learned first (the one of
lowest rank; of equals, the leftmost) becomes one token, until no neighbours are a known pair.

    learned = list(learn(text, 512))             # the pairs, in the order they were learned
    bpe = Bpe.of(learned)
    bpe.decode(bpe.encode("low lower lowest"))   # the same text

`merge` at the end gives the same tokens as `steps`, in time n log n instead of n²: it is what
encodes here when no compiled engine is at hand.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from heapq import heapify, heappop, heappush
from itertools import pairwise

from ..value import value
from .pretokenize import Pretokenizer

Pair = Callable[[int, int], int | None]
"""What two neighbouring ids merge into: `rank << 32 | id`, or `None` when they do not."""

ID = (1 << 32) - 1
BYTES = 256
"""The tokens every vocabulary trained here starts with; their ids are the bytes themselves."""


@value
class Learned:
    """One step of training: this pair stood side by side `count` times and is now token `id`."""

    left: int
    right: int
    id: int
    piece: bytes
    count: int


def learn(text: str, size: int, pretokenizer: str = "gpt-4o") -> Iterator[Learned]:
    """Train a vocabulary of `size` tokens on `text`: each merge, as it is learned.

    Ends early when no pair stands side by side twice. `pretokenizer` is a key of
    `pretokenize.STEPS`.
    """
    pieces = Counter(Pretokenizer(pretokenizer).split(text))
    words = [list(piece.encode()) for piece in pieces]
    times = list(pieces.values())
    spelled = [bytes([byte]) for byte in range(BYTES)]
    counts: Counter[tuple[int, int]] = Counter()
    homes: defaultdict[tuple[int, int], set[int]] = defaultdict(set)  # the words a pair is in
    for number, word in enumerate(words):
        for pair in pairwise(word):
            counts[pair] += times[number]
            homes[pair].add(number)
    while len(spelled) < size and counts:
        # The most frequent pair; of equals, the one with the lowest ids.
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        count = counts[best]
        if count < 2:
            return
        new = len(spelled)
        spelled.append(spelled[best[0]] + spelled[best[1]])
        for number in homes.pop(best):
            # Only the words that hold the pair change: count theirs off, and on again after.
            for pair in pairwise(words[number]):
                counts[pair] -= times[number]
                if not counts[pair]:
                    del counts[pair]
            words[number] = _joined(words[number], best, new)
            for pair in pairwise(words[number]):
                counts[pair] += times[number]
                homes[pair].add(number)
        counts.pop(best, None)
        yield Learned(*best, new, spelled[new], count)


def _joined(ids: list[int], pair: tuple[int, int], new: int) -> list[int]:
    """`ids` with every `pair` in it become `new`, from the left."""
    out: list[int] = []
    for id in ids:
        # A token just made is never part of the same pair: its id is larger than both.
        if out and (out[-1], id) == pair:
            out[-1] = new
        else:
            out.append(id)
    return out


def steps(ids: Sequence[int], pair: Pair) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """Every merge of one piece in order: its rank, where it happens, and the tokens after it."""
    now = list(ids)
    while True:
        known = [
            (merged, place)
            for place, two in enumerate(pairwise(now))
            if (merged := pair(*two)) is not None
        ]
        if not known:
            return
        merged, place = min(known)
        now[place : place + 2] = [merged & ID]
        yield merged >> 32, place, tuple(now)


@value
class Bpe:
    """A vocabulary: `pieces(id)` are the bytes of a token, `pair` says what merges, `atoms[byte]`
    is the id of a single byte. `whole(piece)`, where a vocabulary has it, is the id of a piece
    that is a token as it stands, whatever the merges say."""

    split: Callable[[str], list[str]]
    pieces: Callable[[int], bytes]
    pair: Pair
    atoms: Sequence[int | None] = range(BYTES)
    whole: Callable[[bytes], int | None] = lambda piece: None

    @classmethod
    def of(cls, learned: Sequence[Learned], pretokenizer: str = "gpt-4o") -> Bpe:
        """The vocabulary that was learned; a rank is the place in the order of learning."""
        spelled = [bytes([byte]) for byte in range(BYTES)] + [step.piece for step in learned]
        merges = {(m.left, m.right): rank << 32 | m.id for rank, m in enumerate(learned)}
        return cls(
            Pretokenizer(pretokenizer).split,
            spelled.__getitem__,
            lambda left, right: merges.get((left, right)),
        )

    def encode(self, text: str) -> list[int]:
        """The ids of `text`; no special tokens."""
        return [id for piece in self.split(text) for id in self.merged(piece.encode())]

    def merged(self, piece: bytes) -> tuple[int, ...]:
        """The ids of one piece. A byte that the vocabulary lacks is left out."""
        if (id := self.whole(piece)) is not None:
            return (id,)
        ids = self.start(piece)
        for _, _, after in steps(ids, self.pair):
            ids = after
        return ids

    def start(self, piece: bytes) -> tuple[int, ...]:
        """A piece before any merge: one token a byte."""
        return tuple(id for byte in piece if (id := self.atoms[byte]) is not None)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of `ids`; bytes that are not UTF-8 become U+FFFD."""
        return b"".join(map(self.pieces, ids)).decode("utf-8", "replace")


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
        (merged >> 32, place, merged)
        for place in range(size - 1)
        if (merged := pair(ids[place], ids[place + 1])) is not None
    ]
    heapify(heap)
    while heap:
        _, left, merged = heappop(heap)
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
                    heappush(heap, (new >> 32, first, new))
    return [id for id in token if id >= 0]
