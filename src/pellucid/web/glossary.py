"""Sentences with words of another language put into them: a model that is too small to know what
"autumn" is in German can still build a sentence around "Herbst"."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from .. import facts

_SEPARATORS = {"en": (",", "."), "de": (".", ","), "fr": (" ", ","), "es": (".", ",")}
"""What stands between thousands, and before decimals."""
_NUMBER = re.compile(r"\d+(?:[., \u00a0\u202f]\d{3}(?!\d))*(?:[.,]\d+)?(?![\d:])")
_DATE = {"de": ("am ", ". "), "fr": ("le ", " "), "es": ("el ", " de ")}
"""What stands before a day of a month, and between it and the month."""
_INDEFINITE = {"der": "ein", "das": "ein", "die": "eine", "le": "un", "la": "une", "el": "un"}
_DRAWN = {
    "de": (("in dem ", "im "), ("zu dem ", "zum "), ("von dem ", "vom "), ("bei dem ", "beim ")),
    "fr": (
        ("de le ", "du "),
        ("de les ", "des "),
        ("à le ", "au "),
        ("à les ", "aux "),
        ("(d|qu|n)e (?=[aeiouhéèêà])", r"\1'"),
        ("(?:le|la) (?=[aeiouéèêà])", "l'"),
    ),
    "es": (("de el ", "del "), ("a el ", "al ")),
}
_ARTICLE = re.compile(r"\((\w+'?)\) ?")
_PUT = "\u2060"
"""Stands before what was put in, so that "a", once French, is not taken for the English article."""
_THE = re.compile(rf"(?<!{_PUT})\b(the|an?) ((?:\S+ ){{0,2}}){_PUT}\((\w+'?)\)( ?)", re.I)
"""An English article, the noun that it goes with at most two words behind it."""
_BEFORE = re.compile(
    r"\b(?:(has|have|had|was|were|been|be|being|is|are)(?: \w+ly| also| now| still| already)?"
    r"|(to|will|can|could|would|should|must|may)) $",
    re.I,
)


def knows(source: str, target: str) -> bool:
    """Whether there are words for this pair of languages (codes)."""
    return source != target and source in _SEPARATORS and target in _SEPARATORS


def glossed(sentence: str, source: str, target: str) -> tuple[str, list[str]]:
    """`sentence` with its figures as the other language writes them and the words that are known
    in that language; and these words."""
    pattern, table = _words(source, target)
    text = localised(sentence, source, target)
    put: list[str] = []

    def other(match: re.Match[str]) -> str:
        word = match[0]
        form = table[word.lower()]
        inside = match.start() > 0
        proper = " " not in word and _bare(form) in proper_names(target)
        # In names ("Larkfield Instruments") nothing is replaced, and "may" is not "May".
        if proper != word[0].isupper() and (proper or (inside and source != "de")):
            return word
        if before := _BEFORE.search(text[max(0, match.start() - 30) : match.start()]):
            form = table.get(f"{'been' if before[1] else 'to'} {word.lower()}", form)
        put.append(_bare(form))
        return _PUT + form.replace(" ", f" {_PUT}")

    text = pattern.sub(other, text)
    if source == "en":
        text = _THE.sub(lambda match: _with(match, target), text)
        lead, between = _DATE[target]
        text = re.sub(
            rf"\b(on )?(\d\d?) (?={_PUT}(?:{'|'.join(proper_names(target))})\b)",
            lambda match: (lead if match[1] else "") + match[2] + between,
            text,
        )
    text = _ARTICLE.sub("", text.replace(_PUT, ""))
    return text[:1].upper() + text[1:], put


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
    """The words of a language that the table has, in small letters."""
    return frozenset(facts.words(" ".join(_bare(row[code]) for row in _rows())))


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
        table.setdefault(_bare(row[source]).lower(), row[target])
    words = (word for word in table if not word.startswith(("been ", "to ")))
    known = "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
    return re.compile(rf"(?<![\w-])(?:{known})(?![\w-]|['’]s\b)", re.I), table


def _with(match: re.Match[str], target: str) -> str:
    """An English article as that of its noun. That of "(l')usine" tells no gender."""
    article, between, own, blank = match.groups()
    definite = article.lower() == "the"
    if own == "l'" and (between or not definite):
        return f"{article} {between}"
    if not definite:
        own = "una" if (own, target) == ("la", "es") else _INDEFINITE.get(own, "")
    return f"{own}{blank}{between}" if not between else f"{own} {between}"


def _bare(form: str) -> str:
    return _ARTICLE.sub("", form)
