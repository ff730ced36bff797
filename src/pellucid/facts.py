"""What of a text can be checked: its figures, names and words; and what a sentence says that the
text does not."""

from __future__ import annotations

import re
from collections.abc import Iterable

_FIGURE = re.compile(r"(?:\d{1,3}(?:[\u00a0\u202f’' ]\d{3}(?!\d))+|\d+)(?:[.,:]\d+)*")
_THOUSANDS = re.compile(r"(\d{1,3}(?:[.,\u00a0\u202f’' ]\d{3})+)([.,]\d+)?")
_SCALES = {
    name: re.compile(rf"[\s\u00a0\u202f-]?(?:{words})(?!\w)", re.I)
    for name, words in {
        "percent": "%|per ?cent|prozent|pour ?cent|por ?cien?to|procent",
        "thousand": "thousand|tausend|mille|mil(?! millones)|duizend",
        "million": "mio|mln|milli?on(?:s|en|i|e|es)?|millón|mil(?:hão|hões)|miljoen",
        "billion": "bn|billion(?:s|en)?",
        "trillion": "trillion(?:s|en)?",
        "milliard": "mrd|milliarden?|milliards?|mil millones|miliardi|miljard",
    }.items()
}
"""What may stand behind a figure, and is as much a part of what it says as its digits."""
_CURRENCIES = [
    re.compile(pattern, re.I)
    for pattern in (
        r"€|\beuros?\b|\beur\b",
        r"\$|\bd[oó]ll?are?s?\b|\busd\b",
        r"£|\bpounds?\b|\bpfund\b|\blivres?\b|\blibras?\b|\bgbp\b",
        r"\bfran(?:c|k|co)(?:s|en)?\b|\bchf\b",
        r"¥|\byen\b",
    )
]
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
    """The numbers in a text, written alike: thousands without what separates them (1,200 and 1.200
    are one), decimals, hours and dates behind a point (4.2 and 4,2 are one, 42 is another)."""
    return [figure for figure, _ in _measures(text)]


def _measures(text: str) -> list[tuple[str, str]]:
    """The figures, each with the scale behind it: million, percent, or nothing."""
    out = []
    for match in _FIGURE.finditer(text):
        whole = _THOUSANDS.fullmatch(match[0])
        digits = f"{re.sub(r'[^0-9]', '', whole[1])}{whole[2] or ''}" if whole else match[0]
        behind = (name for name, words in _SCALES.items() if words.match(text, match.end()))
        out.append((re.sub(r"[^0-9]", ".", digits), next(behind, "")))
    return out


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
    """The figures, currencies and names in `said` that `text` does not have. A figure may leave out
    that it is a percentage, but no million."""
    measured = set(_measures(text))
    measured |= {(figure, "") for figure, scale in measured if scale == "percent"}
    known = set(words(text))
    money = [(one.search(said), one.search(text)) for one in _CURRENCIES]
    return [
        *(figure for figure, scale in _measures(said) if (figure, scale) not in measured),
        *(ours[0] for ours, theirs in money if ours and not theirs),
        *(name for name in names(said) if not all(word in known for word in words(name))),
    ]


def is_known(word: str, text: str) -> bool:
    """Whether a text has a word, or another form of it."""
    return word.lower()[:5] in {known[:5] for known in words(text)}


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
    something was said `before`: that is not new either, and `said` stays, even if it is nothing.
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
    if not first and not added and not before:
        added = ranked[:1]
    return joined((*first, *sorted(added, key=found.index)))


def _is_new(sentence: str, said: str) -> bool:
    return bool(unsupported(sentence, said)) and strangeness(sentence, said) > 0.5
