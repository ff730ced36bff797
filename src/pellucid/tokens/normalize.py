"""Unicode normalisation, and what it did to which characters.

`unicodedata.normalize` sorts combining marks by insertion: a megabyte of badly ordered marks
would keep it busy for twenty minutes. Long runs are sorted before it sees them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

import regex

from .unicode_age import SINCE_9

_CLUSTER = regex.compile(r"\X")
"""What a reader takes for one character. Nothing is composed or sorted across its border.
https://www.unicode.org/reports/tr29/"""
_LONG_RUN = regex.compile(r"\p{M}{64,}")


def nfc(text: str) -> str:
    """`text` in Normalization Form C of Unicode 9, the one that `tokenizers` knows.

    Time: n log n.
    """
    if unicodedata.is_normalized("NFC", text):
        return text
    young = SINCE_9.found_in(text)
    stretches = regex.split(f"([{''.join(young)}])", text) if young else [text]
    return "".join(
        unicodedata.normalize("NFC", _LONG_RUN.sub(_in_order, stretch)) for stretch in stretches
    )


def _in_order(run: regex.Match[str]) -> str:
    """A run of marks, decomposed and in canonical order: an equivalent of it."""
    done: list[str] = []
    waiting: list[str] = []
    for mark in run[0]:
        for part in unicodedata.normalize("NFD", mark):
            if unicodedata.combining(part):
                waiting.append(part)
            else:
                done += [*sorted(waiting, key=unicodedata.combining), part]
                waiting = []
    return "".join([*done, *sorted(waiting, key=unicodedata.combining)])


def traced(text: str) -> Iterator[tuple[str, int, int]]:
    """Every character of `nfc(text)`, with the range of characters of `text` it came from."""
    for match in _CLUSTER.finditer(text):
        start, end = match.span()
        normal = nfc(match[0])
        if normal == match[0]:
            yield from ((text[i], i, i + 1) for i in range(start, end))
        else:
            yield from ((character, start, end) for character in normal)
