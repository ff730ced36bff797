"""What of a text can be checked: its figures, names and words; and what a sentence says that the
text does not."""

from __future__ import annotations

import re
from collections.abc import Iterable

_FIGURE = re.compile(r"\d+(?:[.,:\u00a0\u202f’' ](?=\d)\d+)*")
_WORD = re.compile(r"[^\W\d_]+")
_NAME = re.compile(r"[^\W\d_a-zß-öø-ÿ][^\W_]*[^\W\d_](?:[-'’][^\W\d_]+)*")
_SENTENCE = re.compile(
    r"(?<=[.!?…])(?<!\b[A-Z]\.)(?<!\b\d\.)(?<!\b\d\d\.)(?<!\b(?:Dr|Mr|Ms|St|No|Nr)\.)(?<!\b(?:Mrs|bzw)\.)[\"”»)]?\s+"
    r"(?=[\"“„«¿¡(]?[^\Wa-z_])|(?<=[。！？])"
)
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
_ENDS = re.compile(r"(?:^|[.!?:…\n]|[-*•]\s)\W*$")
STRANGE = 0.34
"""The share of a sentence's words that may be the writer's own."""


def sentences(text: str) -> list[str]:
    """The sentences of a text, markup of Markdown and headings taken off."""
    out = []
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        plain = re.sub(r"^\s*(?:[-*•>]|\d+\.)\s+", "", line).replace("**", "")
        out += [part.strip() for part in _SENTENCE.split(plain) if part and part.strip()]
    return out


def figures(text: str) -> list[str]:
    """The numbers in a text, without what separates their digits: 1,200 and 1.200 are one."""
    return [re.sub(r"\D", "", found) for found in _FIGURE.findall(text)]


def names(text: str) -> list[str]:
    """Words in capitals inside a sentence: names, and in German every noun."""
    found = _NAME.finditer(text)
    # What ends a sentence stands close before the next: looking further back would take as long as
    # the square of a text's length.
    return [
        match[0]
        for match in found
        if not _ENDS.search(text[max(0, match.start() - 20) : match.start()])
    ]


def words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def length(text: str) -> int:
    """How many words a reader would count: blanks tell them apart, and in the scripts that have
    none (Chinese, Japanese, Thai and others) two characters are about one."""
    return len(text.split()) + len(_UNSPACED.findall(text)) // 2


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


def tells(text: str) -> bool:
    """Whether its sentences have a figure or a name."""
    return any(figures(sentence) or names(sentence) for sentence in sentences(text))


def is_whole(sentence: str) -> bool:
    """Whether it ends as sentences do: a heading does not, nor what was cut off."""
    return sentence.rstrip('"”»)').endswith((".", "!", "?", "…", "。", "！", "？"))


def joined(texts: Iterable[str]) -> str:
    """Sentences as one text. What is none, such as the place and day before a report, stands before
    a dash."""
    out = ""
    for text in texts:
        out += text if not out else f" {text}" if is_whole(out) else f" – {text}"
    return out


def completed(said: str, text: str, most: int, before: str | None = None) -> str:
    """`said` with those sentences of `text` added that tell something new, the weightiest for
    their length first, as long as there is room in about `most` words.

    Where there is none for the first of them, it takes the place of what says less. Not so where
    something was said `before`: that is not new either, and `said` stays.
    """
    found = sentences(text)
    found = [sentence for sentence in found if is_whole(sentence)] or found
    ranked = sorted(found, key=lambda one: -weight(one) / (length(one) + 6))
    first, added = sentences(said), list[str]()
    for n, sentence in enumerate(ranked):
        now = " ".join((*first, *added))
        if not _is_new(sentence, f"{before or ''} {now}"):
            continue
        if length(now) + length(sentence) <= most:
            if before is None:
                first = [old for old in first if _is_new(old, sentence)]
            added.append(sentence)
        elif n == 0 and before is None and weight(sentence) > weight(said):
            first, added = [], [sentence]
    if not first and not added:
        added = ranked[:1]
    return joined((*first, *sorted(added, key=found.index)))


def _is_new(sentence: str, said: str) -> bool:
    return bool(unsupported(sentence, said)) and strangeness(sentence, said) > 0.5
