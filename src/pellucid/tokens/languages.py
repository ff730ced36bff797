"""Which languages a text is in, and where: enough to measure it by language.

A stretch is told by its script; where several languages share that, by the small words and the
letters of `languages.toml`, sentence by sentence. A sentence that does not tell goes with its
line, its paragraph or the text; where none of those does, the script is all that is said.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from .scripts import script_of

CODE = "code or markup"
UNTOLD = "signs and digits"
"""What a text without a single letter is in."""
WITHOUT_BLANKS = frozenset({"Chinese", "Japanese", "Thai", "Lao", "Khmer", "Burmese"})
"""Languages that put no blanks between words."""

ENOUGH = 1.0
"""Small words, counted as a share where languages share them, that tell a language."""
AHEAD = 1.25
"""Times the next language's."""
SIGNS = 0.1
"""Of the characters of a line: so many signs of programs make it code."""

_NAMES = {"han": "Chinese", "kana": "Japanese", "hangul": "Korean", "ethiopic": "Ethiopic script"}
_SAME = {"ascii": "latin", "accented": "latin", "kana": "han"}
"""Scripts that are read together."""
_LINE = re.compile(r"[^\n]*\n\s*|[^\n]+")
"""A line, and the blank ones after it."""
_SENTENCE = re.compile(r".{12,}?(?:[.!?…]+[\"'”»)]*\s+|$)|.+", re.DOTALL)
_SIGN = re.compile(r'[{}\[\]<>=;_\\*|&]|\w\(|\)[;:,]?\s*$|"\s*[:,]|//|^\s*#')
_MARKS = ".,;:!?…()[]{}\"'«»„“”‘’،؟۔।¿¡-–—*_"
"""Stripped from words."""


@dataclass(slots=True)
class _Unit:
    """A stretch of one script: a sentence, or a part of one. `votes` are for its languages."""

    start: int
    end: int
    script: str
    line: int
    paragraph: int
    language: str = ""
    votes: Counter[str] = field(default_factory=Counter)


def stretches(text: str) -> list[tuple[int, int, str]]:
    """`text` without gaps as (start, end, language), neighbours of one language together.

    Languages are called by their English names. Where the language
    is not told the script is: `Latin script`.
    """
    units = list(_units(text))
    pools: dict[tuple[str, str, int], Counter[str]] = {}
    for unit in units:
        if unit.votes:
            for key in _pools(unit):
                pools.setdefault(key, Counter()).update(unit.votes)
    winners = {key: _winner(votes) for key, votes in pools.items()}
    out: list[tuple[int, int, str]] = []
    for unit in units:
        name = unit.language or _winner(unit.votes) or _among(unit, winners)
        if out and (out[-1][2] == name or name == UNTOLD):
            out[-1] = (out[-1][0], unit.end, out[-1][2])
        elif out and out[-1][2] == UNTOLD:
            out[-1] = (out[-1][0], unit.end, name)
        else:
            out.append((unit.start, unit.end, name))
    return out


def _pools(unit: _Unit) -> tuple[tuple[str, str, int], ...]:
    """The contexts a unit votes in, the nearest first."""
    return (
        (unit.script, "line", unit.line),
        (unit.script, "paragraph", unit.paragraph),
        (unit.script, "text", 0),
    )


def _among(unit: _Unit, winners: Mapping[tuple[str, str, int], str | None]) -> str:
    """The language of the nearest context that has one which the unit does not speak against."""
    for key in _pools(unit):
        told = winners.get(key)
        if told and (told in unit.votes or not unit.votes):
            return told
    return _script_name(unit.script)


def _winner(votes: Counter[str]) -> str | None:
    if not votes:
        return None
    (best, most), (_, next_most) = [*votes.most_common(2), ("", 0)][:2]
    return best if most >= ENOUGH and most >= AHEAD * next_most else None


def _script_name(script: str) -> str:
    if script == UNTOLD:
        return UNTOLD
    return f"{script.capitalize()} script" if script in _table() else script.capitalize()


def _units(text: str) -> Iterator[_Unit]:
    lines = list(_lines(text))
    code = _code_paragraphs(text, lines)
    for n, (start, end, paragraph) in enumerate(lines):
        if paragraph in code:
            yield _Unit(start, end, CODE, n, paragraph, CODE)
            continue
        for first, last, script in _runs(text, start, end):
            language = ""
            if script == "han":
                language = "Japanese" if _has_kana(text[first:last]) else "Chinese"
            elif script in _NAMES:
                language = _NAMES[script]
            for match in _SENTENCE.finditer(text, first, last):
                unit = _Unit(*match.span(), script, n, paragraph, language)
                if not language and script in _table():
                    unit.votes = _votes(match[0], script)
                yield unit


def _lines(text: str) -> Iterator[tuple[int, int, int]]:
    """Start, end and paragraph of every line."""
    paragraph = 0
    for match in _LINE.finditer(text):
        yield *match.span(), paragraph
        paragraph += match[0].count("\n") > 1


def _code_paragraphs(text: str, lines: Iterable[tuple[int, int, int]]) -> set[int]:
    """The paragraphs at least half of whose lines look like a program's."""
    seen, like = Counter[int](), Counter[int]()
    for start, end, paragraph in lines:
        line = text[start:end].strip()
        seen[paragraph] += 1
        like[paragraph] += len(_SIGN.findall(line)) > SIGNS * len(line) and len(line) > 3
    return {number for number, count in seen.items() if 2 * like[number] >= count}


def _runs(text: str, start: int, end: int) -> Iterator[tuple[int, int, str]]:
    """A line as stretches of one script; what is of none goes with what stands before it."""
    if text[start:end].isascii():
        letters = any(map(str.isalpha, text[start:end]))
        yield start, end, "latin" if letters else UNTOLD
        return
    first, current = start, UNTOLD
    for i in range(start, end):
        if not text[i].isalpha():
            continue
        script = script_of(text[i])
        script = _SAME.get(script, script)
        if script == "symbol" or script == current:
            continue
        if current != UNTOLD:
            yield first, i, current
            first = i
        current = script
    yield first, end, current


def _has_kana(text: str) -> bool:
    return any(c.isalpha() and script_of(c) == "kana" for c in text)


def _votes(sentence: str, script: str) -> Counter[str]:
    words, letters = _table()[script]
    votes: Counter[str] = Counter()
    for word in sentence.lower().split():
        sharing = words.get(word.strip(_MARKS), ())
        for language in sharing:
            votes[language] += 1 / len(sharing)  # type: ignore[assignment] # shares, not counts
        for language in {letters[c] for c in word if c in letters}:
            votes[language] += 1
    return votes


@cache
def _table() -> Mapping[str, tuple[dict[str, tuple[str, ...]], dict[str, str]]]:
    """Of each script: the languages of a word, and the one of a letter."""
    import tomllib

    scripts: dict[str, Any] = tomllib.loads(
        Path(__file__).with_name("languages.toml").read_text("utf-8")
    )
    out = {}
    for script, languages in scripts.items():
        words: dict[str, tuple[str, ...]] = {}
        letters: dict[str, str] = {}
        for language, row in languages.items():
            for word in dict.fromkeys(row["words"].split()):
                words[word] = (*words.get(word, ()), language)
            letters |= dict.fromkeys(row["letters"], language)
        out[script] = (words, letters)
    return out
