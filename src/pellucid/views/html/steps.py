"""How a text is split, as a fragment: the pieces, and the merges of each."""

from __future__ import annotations

from collections.abc import Sequence

from ...tokens.explain import Explained
from ..glyphs import piece_line
from .markup import table, text

MOST = 60
"""Pieces whose merges are told; what follows them in a longer text is only cut."""


def explained(pieces: Sequence[Explained]) -> str:
    """Each piece that the pre-tokenizer cut, and every merge with its rank. A piece that comes
    again is told once."""
    cut = "".join(f'<i class="c{i % 4}">{text(p.text)}</i>' for i, p in enumerate(pieces))
    count = f"{len(pieces):,} piece{'' if len(pieces) == 1 else 's'}, never joined again"
    once = list({piece.text: piece for piece in pieces}.values())
    left = len(once) - MOST
    more = f'<p class="quiet">and {left:,} more pieces</p>' if left > 0 else ""
    return (
        f'<p class="quiet">{count}</p><div class="flow"><p>{cut}</p></div>'
        + "".join(map(_steps, once[:MOST]))
        + more
    )


def _steps(piece: Explained) -> str:
    rows: list[tuple[str, ...]] = [("", piece.unit, _row(piece.start))]
    rows += [(f"{step.rank:,}", piece_line(step.made), _row(step.tokens)) for step in piece.steps]
    if piece.unknown and piece.unit == "characters":
        rows.append(("", "in bytes", _row(piece.pieces)))
    ids = " ".join(map(str, piece.ids))
    whole = " · taken whole, whatever the merges say" if piece.whole and not piece.steps else ""
    return (
        f"<h4>{text(piece_line(piece.text.encode('utf-8', 'surrogateescape')))} "
        f"<small>{ids}{whole}</small></h4>{table(rows, 'steps', ('rank', 'makes', 'the piece'))}"
    )


def _row(tokens: Sequence[bytes]) -> str:
    return " ".join(map(piece_line, tokens))
