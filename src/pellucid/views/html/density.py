"""The rule of thumb, measured: how much text a token holds, as bars."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from ...tokens.encoding import Encoding
from ...tokens.measures import Density, by_language, density
from ..tokens import added
from ..tokens.listings import ratio
from .markup import text

RULE = 4.0
"""Characters a token, of English: https://platform.openai.com/tokenizer"""

Group = tuple[str, Sequence[Density]]
"""Rows under one head."""


def of_one(encoding: Encoding) -> list[Group]:
    """The whole text, and each of its languages where it has several."""
    languages = by_language(encoding)
    whole = density("the whole text", encoding.text, len(encoding) - added(encoding))
    return [("", [whole, *languages] if len(languages) > 1 else languages or [whole])]


def of_several(encodings: Mapping[str, Encoding]) -> list[Group]:
    """Every vocabulary for the whole text, and again for each of its languages."""
    whole = [density(name, e.text, len(e) - added(e)) for name, e in encodings.items()]
    by_name = {name: {row.name: row for row in by_language(e)} for name, e in encodings.items()}
    languages = list(next(iter(by_name.values()), {}))
    groups: list[Group] = [
        (language, [_called(name, rows[language]) for name, rows in by_name.items()])
        for language in languages
    ]
    return [("The whole text", whole), *groups] if len(languages) != 1 else groups


def _called(name: str, row: Density) -> Density:
    return Density(name, row.tokens, row.characters, row.words)


def density_plot(groups: Iterable[Group]) -> str:
    """Characters a token as bars and words a token beside them; a mark at the rule of thumb."""
    groups = list(groups)
    known = [row.characters_per_token or 0 for _, rows in groups for row in rows]
    widest = max(*known, RULE * 1.25, 0)
    body = "".join(
        (f"<tr><th colspan=4 scope=colgroup>{text(head)}</th></tr>" if head else "")
        + "".join(_row(row, widest) for row in rows)
        for head, rows in groups
    )
    return (
        '<table class="lab plot"><tr class=head><td></td><td></td><td>characters<br>a token</td>'
        f"<td>words<br>a token</td></tr>{body}</table>"
        '<p class="quiet">The mark stands at 4 characters a token, the rule of thumb for English, '
        "which also says ¾ of a word. Words are what blanks part; languages without blanks between "
        "words have none to count. Languages are told by script and small words.</p>"
    )


def _row(row: Density, widest: float) -> str:
    width = 1000 * (row.characters_per_token or 0) / widest
    mark = 1000 * RULE / widest
    said = f"{ratio(row.characters_per_token)} characters a token"
    return (
        f"<tr><th scope=row>{text(row.name)}</th>"
        f'<td><svg viewBox="0 0 1000 16" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(said)}"><rect x="0" y="1" width="{width:.1f}" height="14"/>'
        f'<line x1="{mark:.1f}" x2="{mark:.1f}" y1="0" y2="16"/></svg></td>'
        f"<td>{ratio(row.characters_per_token)}</td><td>{ratio(row.words_per_token)}</td></tr>"
    )
