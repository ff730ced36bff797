"""What of a text can be checked: its figures, names and words; and what a sentence says that the
text does not."""

from __future__ import annotations

import re
from collections.abc import Sequence

_FIGURE = re.compile(r"\d+(?:[.,:\u00a0\u202f’' ](?=\d)\d+)*")
_WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")
_NAME = re.compile(r"[^\W\d_a-zß-öø-ÿ][^\W_]*[^\W\d_](?:[-'’][^\W\d_]+)*")
_SENTENCE = re.compile(
    r"(?<=[.!?…])(?<!\b[A-Z]\.)(?<!\b(?:Dr|Mr|Ms|St|No|Nr)\.)(?<!\b(?:Mrs|bzw)\.)[\"”»)]?\s+"
    r"(?=[\"“„«¿¡(]?[^\Wa-z_])|(?<=[。！？])"
)
_ENDS = re.compile(r"(?:^|[.!?:…\n]|[-*•]\s)\W*$")
STRANGE = 0.34
"""The share of a sentence's words that may be the writer's own."""


def sentences(text: str) -> list[str]:
    """The sentences of a text, markup of Markdown taken off."""
    out = []
    for line in text.splitlines():
        plain = re.sub(r"^\s*(?:#+|[-*•>]|\d+\.)\s+", "", line).replace("**", "")
        out += [part.strip() for part in _SENTENCE.split(plain) if part and part.strip()]
    return out


def figures(text: str) -> list[str]:
    """The numbers in a text, without what separates their digits: 1,200 and 1.200 are one."""
    return [re.sub(r"\D", "", found) for found in _FIGURE.findall(text)]


def names(text: str) -> list[str]:
    """Words in capitals inside a sentence: names, and in German every noun."""
    found = _NAME.finditer(text)
    return [match[0] for match in found if not _ENDS.search(text[: match.start()])]


def words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def unsupported(said: str, text: str) -> list[str]:
    """The figures and names in `said` that `text` does not have."""
    known_figures = set(figures(text))
    known = set(words(text))
    strange = [figure for figure in figures(said) if figure not in known_figures]
    return strange + [
        name for name in names(said) if not all(word in known for word in words(name))
    ]


def strangeness(said: str, text: str) -> float:
    """The share of the longer words of `said` that `text` has not, not even in another form."""
    stems = {word[:5] for word in words(text)}
    longer = [word for word in words(said) if len(word) > 3]
    return sum(word[:5] not in stems for word in longer) / len(longer) if longer else 1.0


def weight(sentence: str) -> float:
    """How much can be checked in a sentence: what a reader would look for in a summary."""
    return 2.0 * len(set(figures(sentence))) + len(set(names(sentence))) + 0.5


def excerpt(text: str, most: int) -> str:
    """The weightiest sentences of `text`, at most about `most` words of them, in their order."""
    found = sentences(text)
    ranked = sorted(range(len(found)), key=lambda n: -weight(found[n]) / (len(words(found[n])) + 6))
    return _within(found, ranked, most)


def _within(found: Sequence[str], ranked: Sequence[int], most: int) -> str:
    taken: list[int] = []
    room = most
    for n in ranked:
        size = len(found[n].split())
        if not taken or size <= room:
            taken.append(n)
            room -= size
    return " ".join(found[n] for n in sorted(taken))
