"""The words of a sentence in another language: a model that is too small to know what "autumn" is
in German can still build a sentence around "Herbst"."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from .. import facts
from . import languages

_SEPARATORS = {"en": (",", "."), "de": (".", ","), "fr": (" ", ","), "es": (".", ",")}
"""What stands between thousands, and before decimals."""
_NUMBER = re.compile(r"(?:\d{1,3}(?:[., \u00a0\u202f]\d{3}(?!\d))+|\d+)(?:[.,]\d+)?(?![\d:]|\.\d)")
_DRAWN = {
    "de": (("in dem ", "im "), ("zu dem ", "zum "), ("von dem ", "vom "), ("bei dem ", "beim ")),
    "fr": (
        ("de le ", "du "),
        ("de les ", "des "),
        ("à le ", "au "),
        ("à les ", "aux "),
        ("(d|qu|n)e (?=[aeiouhéèêà])", r"\1'"),
        ("(l)[ea] (?=[aeiouéèêà])", r"\1'"),
    ),
    "es": (("de el ", "del "), ("a el ", "al ")),
}
_ARTICLE = re.compile(r"\(\w+'?\) ?")
_BEFORE = re.compile(
    r"\b(?:(has|have|had|was|were|been|be|being|is|are)(?: \w+ly| also| now| still| already)?"
    r"|(to|will|can|could|would|should|must|may)) $",
    re.I,
)


def knows(source: str, target: str) -> bool:
    """Whether there are words for this pair of languages (codes)."""
    return source != target and source in _SEPARATORS and target in _SEPARATORS


def words(sentence: str, source: str, target: str) -> dict[str, str]:
    """The words and figures of a sentence, each as it is in the other language; those that are
    not known, and those as small as "the", are left out. A noun has its article."""
    pattern, table = _words(source, target)
    found: dict[str, str] = {}
    for match in pattern.finditer(sentence):
        word = match[0]
        form = table[word.lower()]
        if proper := " " not in word and form in proper_names(target):
            if word not in proper_names(source):  # "may" is not "May"
                continue
        elif word[0].isupper() and match.start() > 0 and source != "de":
            continue  # in a name ("Larkfield Instruments")
        if len(word) < 3 or word.lower() in languages.small_words(source):
            continue
        if before := _BEFORE.search(sentence[max(0, match.start() - 30) : match.start()]):
            form = table.get(f"{'been' if before[1] else 'to'} {word.lower()}", form)
        found.setdefault(word if proper or source == "de" else word.lower(), form)
    for number in numbers(sentence):
        if (other := localised(number, source, target)) != number:
            found[number] = other
    return found


def localised(text: str, source: str, target: str) -> str:
    """`text` with the separators in its figures as the other language has them."""
    (thousands, point), (others, comma) = _SEPARATORS[source], _SEPARATORS[target]

    def figure(match: re.Match[str]) -> str:
        whole, dot, decimals = match[0].partition(point)
        blank = "[ \u00a0\u202f]" if thousands == " " else re.escape(thousands)
        return re.sub(rf"(?<=\d){blank}(?=\d)", others, whole) + (comma if dot else "") + decimals

    return _NUMBER.sub(figure, text)


def numbers(text: str) -> list[str]:
    """The figures of a text as they are written."""
    return _NUMBER.findall(text)


def elided(text: str, target: str) -> str:
    """`text` with the small words drawn together that a language does not leave apart."""
    for apart, drawn in _DRAWN.get(target, ()):
        text = re.sub(rf"\b{apart}", drawn, text)
    return text.replace("\u202f", " ").replace("\u00a0", " ") if target == "fr" else text


def proper(text: str, code: str) -> set[str]:
    """The months, days and countries that a text in this language names."""
    return set(re.findall(rf"\b(?:{'|'.join(proper_names(code))})\b", text))


@cache
def proper_names(code: str) -> tuple[str, ...]:
    """The names of months, days and countries in a language, always in the same order."""
    return tuple(row[code] for row in _rows() if row["en"][0].isupper())


@cache
def vocabulary(code: str) -> frozenset[str]:
    """The words of a language that the table has, in small letters; none of one it has not."""
    return frozenset(facts.words(" ".join(row.get(code, "") for row in _rows())))


@cache
def _rows() -> tuple[dict[str, str], ...]:
    lines = files(__package__).joinpath("words.tsv").read_text("utf-8").splitlines()
    codes = lines[0].split("\t")
    return tuple(dict(zip(codes, line.split("\t"), strict=True)) for line in lines[1:])


@cache
def _words(source: str, target: str) -> tuple[re.Pattern[str], dict[str, str]]:
    """A pattern for the words of a language, the longest first, and what each becomes."""
    table: dict[str, str] = {}
    for row in _rows():
        other = re.sub("[()]|^(been|to) ", "", row[target])
        table.setdefault(_ARTICLE.sub("", row[source]).lower(), other)
    words = (word for word in table if not word.startswith(("been ", "to ")))
    known = "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
    return re.compile(rf"(?<![\w-])(?:{known})(?![\w-]|['’]s\b)", re.I), table
