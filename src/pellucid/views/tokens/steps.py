"""How a text is split: merges, and the three ages of telling text to a machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..glyphs import piece_text, visible
from ..terminal.style import BOLD, DIM, Cell, clip, paint, table, wrapped
from .listings import quoted

if TYPE_CHECKING:
    from ...tokens.explain import Explained
    from ...tokens.measures import Age


def explained(pieces: Sequence[Explained], *, color: bool = False, width: int = 80) -> str:
    """Each piece that the pre-tokenizer cut, and every merge with its rank.

    A piece that comes again is not told again.
    """
    cut = "".join(f"[{visible(piece.text)}]" for piece in pieces)
    lines = [
        f"{len(pieces):,} piece{'' if len(pieces) == 1 else 's'}, never joined again:",
        clip(cut, 20 * width),
        "",
    ]
    told = set()
    for piece in pieces:
        if piece.text in told:
            continue
        told.add(piece.text)
        lines += [*_steps(piece, color, width), ""]
    return "\n".join(lines[:-1])


def _steps(piece: Explained, color: bool, width: int) -> list[str]:
    ids = " ".join(map(str, piece.ids))
    lines = [paint(quoted(piece.text.encode()), BOLD, color) + paint(f"  {ids}", DIM, color)]
    spelt = bool(piece.unknown) and piece.unit == "characters"
    rows: list[list[Cell | str]] = [["", Cell(piece.unit, DIM), _row(piece.start)]]
    rows += [
        [Cell(f"{step.rank:,}", DIM), quoted(step.made), _row(step.tokens)] for step in piece.steps
    ]
    if spelt:
        rows.append(["", Cell("in bytes", DIM), _row(piece.pieces)])
    lines += [
        "  " + line for line in table(rows, right="r", color=color, width=width - 2).split("\n")
    ]
    if piece.whole and (not piece.steps or len(piece.steps[-1].tokens) > 1):
        lines.append("  a token as it stands: it is taken whole, whatever the merges say")
    elif 1 < len(piece.ids) < len(piece.start) and not spelt:
        lines.append(paint("  no two neighbours of these are a known pair", DIM, color))
    if piece.prefixed:
        lines.append(paint("  the blank in front is the vocabulary's, not the text's", DIM, color))
    if piece.unknown:
        characters = " ".join(map(visible, piece.unknown))
        what = (
            "spelt in bytes, having no token" if spelt else "lost, the vocabulary lacks its bytes"
        )
        lines.append(paint(f"  {what}: {characters}", DIM, color))
    return lines


def _row(tokens: Sequence[bytes]) -> str:
    return " ".join(visible(piece_text(token)).replace(" ", "␣") for token in tokens)


AGES = ("", "length", "different", "vocabulary it needs", "unknown")


def age(row: Age) -> tuple[str, ...]:
    """The cells of one age under `AGES`."""
    needed = "no size is enough" if row.needed is None else f"{row.needed:,}"
    return row.unit, f"{row.length:,}", f"{row.distinct:,}", needed, f"{row.unknown:,}"


def ages(rows: Sequence[Age], *, color: bool = False, width: int = 80) -> str:
    """The three ages in one table: what each needs, how long it makes the text, what it misses."""
    header = [Cell(word, DIM) for word in AGES]
    said = wrapped(about_unknown(rows), width, color)
    return "\n".join([table([header, *map(age, rows)], right=" rrrr", color=color), *said])


def about_unknown(rows: Sequence[Age]) -> str:
    """What the last column of the ages means."""
    said = (
        "Unknown: characters and words of the second half of the text that its first half lacks. "
        "Tokens spell anything, down to bytes"
    )
    return said + (", but for characters whose bytes this one lacks." if rows[-1].unknown else ".")
