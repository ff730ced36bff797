"""What a text measures in characters, words and tokens.

The three ages of telling text to a machine: by characters, by words, by tokens. Each needs a
vocabulary of some size, makes a sequence of some length, and meets things it does not know.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Sequence

from ..value import value
from .encoding import Encoding

UNICODE = 154_998
"""Characters that Unicode 16 assigns: https://www.unicode.org/versions/Unicode16.0.0/"""


@value
class Age:
    """One way to write a text as numbers.

    `length` is how long the sequence is, `distinct` how many different units occur in it.
    `needed` is the size of a vocabulary that serves every text: `None`, there is no such size.
    `unknown` is how many units of the text's second half do not occur in its first half, so that
    whoever had learned their vocabulary from the first would not know them.
    """

    unit: str
    length: int
    distinct: int
    needed: int | None
    unknown: int


def ages(encoding: Encoding, size: int) -> tuple[Age, Age, Age]:
    """Characters, words and tokens of a text, the vocabulary of the tokens having `size` ids.

    Words are what blanks part. Tokens are never unknown: what is no word of the vocabulary is
    spelled from shorter tokens, down to bytes; characters that it has no bytes for are counted.
    """
    text = encoding.text
    tokens = [
        id for id, (start, end) in zip(encoding.ids, encoding.offsets, strict=True) if start < end
    ]
    covered = {i for start, end in encoding.offsets for i in range(start, end)}
    return (
        _age("characters", text, UNICODE),
        _age("words", text.split(), None),
        Age("tokens", len(tokens), len(set(tokens)), size, len(text) - len(covered)),
    )


def _age(unit: str, sequence: Sequence[Hashable], needed: int | None) -> Age:
    half = (len(sequence) + 1) // 2
    learned = set(sequence[:half])
    unknown = sum(item not in learned for item in sequence[half:])
    return Age(unit, len(sequence), len(set(sequence)), needed, unknown)


@value
class Density:
    """The rule of thumb, measured: how much text a token holds. `None`: there are no tokens, or no
    blanks between the words of the language."""

    name: str
    tokens: int
    characters: int
    words: int | None

    @property
    def characters_per_token(self) -> float | None:
        return self.characters / self.tokens if self.tokens else None

    @property
    def words_per_token(self) -> float | None:
        return self.words / self.tokens if self.tokens and self.words is not None else None


def density(name: str, text: str, tokens: int) -> Density:
    """The density of `text` that became `tokens` tokens, those added in front not counted."""
    return Density(name, tokens, len(text), len(text.split()))


def by_language(encoding: Encoding) -> list[Density]:
    """The density of an encoded text in each of its languages, the one with most text first.

    A token counts where its first letter or sign is: the blank in front of a word is part of the
    word's token. What is added in front of the text does not count.
    """
    from .languages import WITHOUT_BLANKS, stretches

    found = stretches(encoding.text)
    ends = [end for _, end, _ in found]
    tokens = [0] * len(found)
    for start, end in encoding.offsets:
        if start < end:
            word = encoding.text[start:end].lstrip()
            tokens[bisect_right(ends, end - len(word) if word else start)] += 1
    sums: dict[str, Density] = {}
    for (start, end, name), count in zip(found, tokens, strict=True):
        row = sums.get(name, Density(name, 0, 0, 0))
        words = (
            None
            if name in WITHOUT_BLANKS
            else (row.words or 0) + len(encoding.text[start:end].split())
        )
        sums[name] = Density(name, row.tokens + count, row.characters + end - start, words)
    return sorted(sums.values(), key=lambda row: -row.characters)
