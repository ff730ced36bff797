"""One text under several vocabularies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...tokens.encoding import Encoding
from ...tokens.measures import Density, by_language, density
from ..glyphs import piece_text, visible
from ..terminal.style import BOLD, DIM, Cell, clip, table
from .listings import added, ratio

_ALIGNED_ROWS = 200
"""Of a comparison: beyond so many rows, only those that differ are shown."""


def comparison(encodings: Mapping[str, Encoding], *, color: bool = False, width: int = 80) -> str:
    """One text under several vocabularies: the figures of each, then the pieces side by side.

    A row holds the shortest stretch at whose ends every vocabulary has a border.
    """
    figures = densities(
        [density(name, e.text, len(e) - added(e)) for name, e in encodings.items()],
        [added(e) for e in encodings.values()],
        color=color,
        width=width,
    )
    stretches = aligned(list(encodings.values()))
    hidden = 0
    if len(stretches) > _ALIGNED_ROWS:
        differing = [row for row in stretches if len(set(row)) > 1]
        hidden = len(stretches) - len(differing)
        stretches = differing
    column = max((width - 2 * (len(encodings) - 1)) // len(encodings), 12)
    rows: list[list[Cell | str]] = [[Cell(clip(visible(name), column), BOLD) for name in encodings]]
    for stretch in stretches:
        styles = [DIM if len(set(stretch)) == 1 else "" for _ in stretch]
        rows.append(
            [
                Cell(clip("".join(f"[{visible(piece_text(p))}]" for p in pieces), column), style)
                for pieces, style in zip(stretch, styles, strict=True)
            ]
        )
    lines = [figures, ""]
    if languages := by_languages(encodings, color=color, width=width):
        lines += [languages, ""]
    lines.append(table(rows, color=color))
    if hidden:
        lines.append(f"{hidden:,} stretches that all split alike are left out.")
    return "\n".join(lines)


def by_languages(encodings: Mapping[str, Encoding], *, color: bool = False, width: int = 80) -> str:
    """Characters a token, a row for each language and a column for each vocabulary; nothing where
    the text is in one language."""
    measured = [{row.name: row for row in by_language(e)} for e in encodings.values()]
    languages = list(measured[0]) if measured else []
    if len(languages) < 2:
        return ""
    header = [
        Cell("characters a token", DIM),
        *(Cell(clip(visible(name), 20), DIM) for name in encodings),
    ]
    body = [
        [language, *(ratio(rows[language].characters_per_token) for rows in measured)]
        for language in languages
    ]
    return table([header, *body], right=" " + "r" * len(measured), color=color)


def aligned(encodings: Sequence[Encoding]) -> list[tuple[tuple[bytes, ...], ...]]:
    """The pieces of each encoding of one text, cut where all of them have a border.

    Borders are counted in characters; a token inside a character makes none. What is added in
    front is left out.
    """
    borders = []
    for encoding in encodings:
        crossed = {i for start, end in encoding.offsets for i in range(start + 1, end)}
        borders.append({end for _, end in encoding.offsets} - crossed)
    common = sorted(set.intersection(*borders)) if borders else []
    columns = [_between(encoding, common) for encoding in encodings]
    return list(zip(*columns, strict=True))


def _between(encoding: Encoding, ends: Sequence[int]) -> list[tuple[bytes, ...]]:
    out: list[list[bytes]] = [[] for _ in ends]
    at = 0
    for i in range(added(encoding), len(encoding)):
        while at < len(ends) - 1 and encoding.offsets[i][1] > ends[at]:
            at += 1
        if out:
            out[at].append(encoding.pieces[i])
    return [tuple(pieces) for pieces in out]


def densities(
    rows: Sequence[Density], fronts: Sequence[int], *, color: bool = False, width: int = 80
) -> str:
    """The rule of thumb measured: a row for each vocabulary."""
    header = [
        Cell(word, DIM) for word in ("", "tokens", "added", "characters a token", "words a token")
    ]
    body = [
        [
            visible(row.name),
            f"{row.tokens:,}",
            str(front) if front else "",
            ratio(row.characters_per_token),
            ratio(row.words_per_token),
        ]
        for row, front in zip(rows, fronts, strict=True)
    ]
    return table([header, *body], right=" rrrr", color=color)
