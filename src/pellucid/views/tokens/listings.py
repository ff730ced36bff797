"""Text as tokens: a line each, or as it reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from ...tokens.encoding import Encoding
from ...tokens.measures import density
from .. import terminal
from ..glyphs import piece_text, visible
from ..terminal.style import BADGE, DIM, Cell, clip, paint, table, wrapped

if TYPE_CHECKING:
    from ...models.vocabularies import Listed


def quoted(piece: bytes) -> str:
    """Bytes as text in quotes, blanks as they are; those that are not UTF-8 in hex."""
    return f"'{visible(piece_text(piece))}'"


def listing(name: str, encoding: Encoding, *, color: bool = False, width: int = 80) -> str:
    """One token a line, id = piece, and what was added in front of the text."""
    front = added(encoding)
    notes = [
        "added" if i < front else "control" if special else ""
        for i, special in enumerate(encoding.special)
    ]
    lines = _lines(zip(encoding.ids, encoding.pieces, notes, strict=True), color, width)
    return "\n".join([*lines, "", summary(name, encoding, color)])


def _lines(rows: Iterable[tuple[int, bytes, str]], color: bool, width: int) -> list[str]:
    """id = piece, and a word on those that are not ordinary text, which are badges."""
    rows = list(rows)
    digits = max((len(str(id)) for id, _, _ in rows), default=0)
    lines = []
    for id, piece, note in rows:
        text = paint(
            clip(quoted(piece), max(width - digits - 12, 20)), BADGE if note else "", color
        )
        line = f"{paint(str(id).rjust(digits), DIM, color)} = {text}"
        lines.append(f"{line}  {paint(note, DIM, color)}" if note else line)
    return lines


def chips(name: str, encoding: Encoding, *, color: bool = False, width: int = 80) -> str:
    """The text as it reads, every token apart."""
    body = terminal.chips(encoding, color=color, width=width)
    return "\n".join([body, "", summary(name, encoding, color)])


def added(encoding: Encoding) -> int:
    """How many tokens the model's configuration put in front of the text."""
    count = 0
    for special, (start, end) in zip(encoding.special, encoding.offsets, strict=True):
        if not special or start < end:
            break
        count += 1
    return count


def summary(name: str, encoding: Encoding, color: bool = False) -> str:
    """How many tokens, how dense, by which vocabulary."""
    front = added(encoding)
    dense = density(name, encoding.text, len(encoding) - front)
    parts = [
        f"{len(encoding):,} token{'' if len(encoding) == 1 else 's'}",
        f"{dense.characters:,} character{'' if dense.characters == 1 else 's'}",
        f"{ratio(dense.characters_per_token)} characters a token",
        visible(name),
    ]
    return paint(" · ".join(parts), DIM, color)


def ratio(value: float | None) -> str:
    """A figure with two digits after the point, – for none."""
    return "–" if value is None else f"{value:.2f}"


def note(text: str, *, color: bool = False, width: int = 80) -> str:
    """A quiet sentence, such as what a model's configuration adds."""
    return "\n".join(wrapped(visible(text), width, color))


def other_reading(
    name: str,
    other: Encoding,
    specials: bool,
    as_chips: bool,
    *,
    color: bool = False,
    width: int = 80,
) -> str:
    """The same text read the other way, where it spells special tokens."""
    if specials:
        head = "Without --specials, what spells a special token is ordinary text:"
    else:
        head = (
            "The text spells special tokens. Above they are ordinary text; with --specials they "
            "are those tokens:"
        )
    show = chips if as_chips else listing
    return f"{head}\n\n{show(name, other, color=color, width=width)}"


def vocabularies(rows: Sequence[Listed], *, color: bool = False, width: int = 80) -> str:
    """Vocabularies that have a name: what each needs, and whose it is."""
    cells: list[list[Cell | str]] = [
        [row.name, Cell(row.state, "" if row.ready else DIM), Cell(", ".join(row.models), DIM)]
        for row in rows
    ]
    return table(cells, color=color, width=width)


def entries(
    found: Sequence[tuple[int, bytes]],
    controls: Mapping[int, str],
    *,
    color: bool = False,
    width: int = 80,
) -> str:
    """Tokens of a vocabulary, id = piece."""
    rows = [(id, piece, "control" if id in controls else "") for id, piece in found]
    return "\n".join(_lines(rows, color, width))
