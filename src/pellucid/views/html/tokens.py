"""The token lab as pages: one text under one vocabulary, or under several beside one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...tokens.encoding import Encoding
from ...tokens.measures import Age, ages, density
from ...tokens.model import ModelTokenizer
from ..glyphs import piece_line
from ..tokens import AGES, about_unknown, added, age, quoted
from .density import density_plot, of_one, of_several
from .flow import Title, encoding_flow
from .markup import table, text
from .page import standalone

_MOST = 20_000
"""Tokens with a title and a line in the table; longer texts go without."""


def encoding_page(
    tokenizer: ModelTokenizer, encoding: Encoding, other: Encoding | None, specials: bool
) -> str:
    """Text as coloured tokens, every id, the three ages, and how dense the tokens are.

    `other` is the text read the other way, where its spellings
    of special tokens make a difference; `specials` says how `encoding` read them.
    """
    name = tokenizer.name
    notes = "".join(
        f'<p class="quiet">{text(note)}</p>' for note in tokenizer.notes_on(encoding.text)
    )
    parts = [_section("Tokens", _flow(encoding) + notes, _figures(encoding))]
    if other is not None:
        head = "As ordinary text" if specials else "With special tokens"
        parts.append(_section(head, _flow(other), _figures(other)))
    parts.append(_section("Three ages", _ages(ages(encoding, len(tokenizer)))))
    parts.append(_section("Text a token holds", density_plot(of_one(encoding))))
    if len(encoding) <= _MOST:
        parts.append(_section("Ids", _listing(encoding)))
    return standalone(f"{name} · tokens", _page("Pellucid tokens", name, parts))


def comparison_page(
    encodings: Mapping[str, Encoding], sizes: Mapping[str, int], notes: Sequence[str] = ()
) -> str:
    """One text under several vocabularies; `sizes` are those of the vocabularies, in tokens.

    `notes` are on models whose vocabularies are not published.
    """
    quiet = "".join(f'<p class="quiet">{text(note)}</p>' for note in notes)
    parts = [_section("Text a token holds", density_plot(of_several(encodings)) + quiet)]
    parts += [
        _section(name, _flow(e), f"{_figures(e)} · {sizes[name]:,} in the vocabulary")
        for name, e in encodings.items()
    ]
    return standalone("Pellucid tokens compared", _page("Pellucid tokens", "Compared", parts))


def blocks(encodings: Mapping[str, Encoding], sizes: Mapping[str, int]) -> str:
    """One text under one vocabulary or several, each a block of its own."""
    body = "".join(
        f"<section><h3>{text(name)} <small>{_figures(e)} · {sizes[name]:,} in the vocabulary"
        f"</small></h3>{_flow(e)}</section>"
        for name, e in encodings.items()
    )
    return f'<div class="beside">{body}</div>'


def listing(encoding: Encoding) -> str:
    """Every token on a line: its id, its text, its bytes."""
    return _listing(encoding) if len(encoding) <= _MOST else ""


def plot(encodings: Mapping[str, Encoding]) -> str:
    """How much text a token holds, by vocabulary and language."""
    if len(encodings) == 1:
        return density_plot(of_one(next(iter(encodings.values()))))
    return density_plot(of_several(encodings))


def _page(brand: str, head: str, parts: Sequence[str]) -> str:
    return (
        f"<header><p class=brand>{brand}</p><h1>{text(head)}</h1></header>"
        f"<main>{''.join(parts)}</main>"
    )


def _section(head: str, body: str, note: str = "") -> str:
    small = f"<small>{text(note)}</small>" if note else ""
    return f"<section><h2>{text(head)}{small}</h2>{body}</section>"


def _figures(encoding: Encoding) -> str:
    front = added(encoding)
    dense = density("", encoding.text, len(encoding) - front)
    ratio = dense.characters_per_token
    parts = [f"{len(encoding):,} tokens", f"{dense.characters:,} characters"]
    parts += [f"{ratio:.2f} characters a token"] if ratio else []
    parts += [f"{front} of them added by the model's configuration"] if front else []
    return " · ".join(parts)


def _flow(encoding: Encoding) -> str:
    def title(i: int) -> str:
        start, end = encoding.offsets[i]
        piece = encoding.pieces[i]
        return (
            f"{piece_line(piece)}\nid {encoding.ids[i]}\nbytes {piece.hex(' ').upper()}\n"
            f"characters {start} to {end}"
        )

    titles: Title | None = title if len(encoding) <= _MOST else None
    return encoding_flow(encoding, titles)


def _listing(encoding: Encoding) -> str:
    front = added(encoding)
    rows = (
        (
            str(encoding.ids[i]),
            quoted(piece),
            piece.hex(" ").upper(),
            "added" if i < front else "control" if encoding.special[i] else "",
        )
        for i, piece in enumerate(encoding.pieces)
    )
    return table(rows, "ids")


def _ages(rows: Sequence[Age]) -> str:
    return table(map(age, rows), "lab", AGES) + f'<p class="quiet">{text(about_unknown(rows))}</p>'
