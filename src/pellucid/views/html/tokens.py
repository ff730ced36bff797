"""The token lab as pages: one text under one vocabulary, or under several beside one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from ...tokens.encoding import Encoding
from ...tokens.measures import Age, Density, ages, density
from ...tokens.model import ModelTokenizer
from ..glyphs import piece_line
from ..tokens import added, quoted
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
    parts = [_section("Tokens", _flow(encoding), f"{_figures(encoding)} · {tokenizer.note}")]
    if other is not None:
        head = "As ordinary text" if specials else "With special tokens"
        parts.append(_section(head, _flow(other), _figures(other)))
    parts.append(_section("Three ages", _ages(ages(encoding, len(tokenizer)))))
    parts.append(_section("Text a token holds", density_plot(by_paragraph(name, encoding))))
    if len(encoding) <= _MOST:
        parts.append(_section("Ids", _listing(encoding)))
    return standalone(f"{name} · tokens", _page("Pellucid tokens", name, parts))


def comparison_page(encodings: Mapping[str, Encoding], sizes: Mapping[str, int]) -> str:
    """One text under several vocabularies; `sizes` are those of the vocabularies, in tokens."""
    rows = [density(name, e.text, len(e) - added(e)) for name, e in encodings.items()]
    parts = [_section("Text a token holds", density_plot(rows))]
    parts += [
        _section(name, _flow(e), f"{_figures(e)} · {sizes[name]:,} in the vocabulary")
        for name, e in encodings.items()
    ]
    return standalone("Pellucid tokens compared", _page("Pellucid tokens", "Compared", parts))


def by_paragraph(name: str, encoding: Encoding) -> list[Density]:
    """The density of the whole text and, where it has several, of its paragraphs: languages, code
    and tables differ."""
    whole = density("the whole text", encoding.text, len(encoding) - added(encoding))
    paragraphs = [part for part in encoding.text.split("\n\n") if part.strip()]
    rows = []
    at = 0
    for part in paragraphs[:12] if len(paragraphs) > 1 else []:
        start = encoding.text.index(part, at)
        at = start + len(part)
        tokens = sum(start <= first < at for first, last in encoding.offsets if first < last)
        rows.append(density(" ".join(part.split())[:28], part, tokens))
    return [whole, *rows]


def density_plot(rows: Sequence[Density]) -> str:
    """Characters and words a token, as bars, beside the rule of thumb for English."""
    widest = max((row.characters_per_token or 0 for row in rows), default=0)
    scale = 560 / max(widest, 5)
    height = 34 * len(rows) + 26
    shapes = []
    for n, row in enumerate(rows):
        y = 34 * n
        characters, words = row.characters_per_token or 0, row.words_per_token or 0
        shapes.append(
            f'<text x="212" y="{y + 18}" text-anchor="end">{escape(row.name)}</text>'
            f'<rect class="o3" x="220" y="{y + 4}" width="{characters * scale:.1f}" height="11"/>'
            f'<rect class="o4" x="220" y="{y + 16}" width="{words * scale:.1f}" height="8"/>'
            f'<text x="{226 + characters * scale:.1f}" y="{y + 14}">{characters:.2f}</text>'
            f'<text class="small" x="{226 + words * scale:.1f}" y="{y + 25}">{words:.2f}</text>'
        )
    thumb = 220 + 4 * scale
    said = "; ".join(
        f"{row.name}: {row.characters_per_token or 0:.2f} characters, "
        f"{row.words_per_token or 0:.2f} words a token"
        for row in rows
    )
    return (
        f'<svg class="plot" viewBox="0 0 840 {height}" role="img" aria-label="{escape(said)}">'
        f'<line x1="{thumb:.1f}" x2="{thumb:.1f}" y1="0" y2="{height - 20}"/>{"".join(shapes)}'
        f'<text class="small" x="{thumb:.1f}" y="{height - 6}" text-anchor="middle">rule of thumb '
        "for English: 4 characters, ¾ of a word</text></svg>"
        '<p class="quiet">Above: characters a token. Below: words a token, words being what '
        "blanks part.</p>"
    )


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
    return table(
        (
            str(encoding.ids[i]),
            quoted(piece),
            piece.hex(" ").upper(),
            "added" if i < front else "control" if encoding.special[i] else "",
        )
        for i, piece in enumerate(encoding.pieces)
    )


def _ages(rows: Sequence[Age]) -> str:
    head = ("", "sequence", "different", "vocabulary it needs", "unknown")
    body = [
        (
            row.unit,
            f"{row.length:,}",
            f"{row.distinct:,}",
            "no size is enough" if row.needed is None else f"{row.needed:,}",
            f"{row.unknown:,}",
        )
        for row in rows
    ]
    return table([head, *body]) + (
        '<p class="quiet">Unknown: characters and words of the second half of the text that its '
        "first half lacks. Tokens spell anything, down to bytes.</p>"
    )
