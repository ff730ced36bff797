"""Colour, width and columns of terminal text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TextIO

from ...prompt.values import Label
from ...value import value
from ..figures import Band

# Select Graphic Rendition codes; the sixteen colours follow the reader's own theme.
DIM, BOLD, BADGE = "2", "1", "7"
ORIGIN: dict[Label, str] = {
    "scaffold": "2",
    "system": "35",
    "tools": "33",
    "user": "36",
    "assistant": "32",
    "tool": "34",
    "passage": "4;33",
    "generation": "2;32",
}
BAND: dict[Band, str] = {"p0": "", "p1": "4", "p2": "33;4", "p3": "31;1;4", "pn": "2"}


def wants_color(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether to colour what goes to `stream`: a terminal, and nobody said no (no-color.org)."""
    return not environ.get("NO_COLOR") and environ.get("TERM") != "dumb" and stream.isatty()


def paint(text: str, style: str, color: bool) -> str:
    """`text` in a style, line by line: pagers forget colours at the end of a line."""
    if not color or not style:
        return text
    return "\n".join(f"\x1b[{style}m{line}\x1b[0m" if line else "" for line in text.split("\n"))


def heading(text: str, *, color: bool = False) -> str:
    """A line that stands over what somebody says."""
    return paint(text, BOLD, color)


def cells(text: str) -> int:
    """How many columns a line of text takes in a terminal."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def fold(text: str, width: int) -> list[str]:
    """Cut one line into lines of at most `width` columns: after a blank near the edge, or between
    characters. A mark or a joiner stays with what it belongs to."""
    if cells(text) <= width:
        return [text]
    lines, line, used, joined = [], "", 0, False
    for char in text:
        size = cells(char)
        if used + size > width and size and not joined:
            blank = line.rfind(" ", len(line) - 16)
            keep = blank + 1 if blank >= 0 else len(line)
            lines.append(line[:keep])
            line = line[keep:]
            used = cells(line)
        line += char
        used += size
        joined = char == "\u200d"
    return [*lines, line]


def wrapped(text: str, width: int, color: bool) -> list[str]:
    """A quiet sentence as lines of whole words."""
    from textwrap import wrap

    return [paint(line, DIM, color) for line in wrap(text, max(width, 40))]


def clip(text: str, width: int) -> str:
    """The beginning of a line, in at most `width` columns, with an ellipsis where it was cut."""
    return text if cells(text) <= width else fold(text, max(width - 1, 1))[0] + "…"


@value
class Cell:
    text: str
    style: str = ""


def table(
    rows: Iterable[Sequence[Cell | str]],
    *,
    right: str = "",
    color: bool = False,
    width: int | None = None,
) -> str:
    """Rows as aligned columns, two blanks apart.

    `right` has an `r` for every column that is set flush right; the last column is cut so that
    lines fit in `width`, but never to less than 20 columns.
    """
    grid = [[c if isinstance(c, Cell) else Cell(c) for c in row] for row in rows]
    columns = max((len(row) for row in grid), default=0)
    widths = [
        max((cells(row[i].text) for row in grid if i < len(row)), default=0) for i in range(columns)
    ]
    last = max(width - sum(widths[:-1]) - 2 * (columns - 1), 20) if width else None
    lines = []
    for row in grid:
        line, gap = "", ""  # blanks wait in `gap`, so that none end a line
        for i, cell in enumerate(row):
            if i == columns - 1 and last is not None:
                cell = replace(cell, text=clip(cell.text, last))
            room = " " * (widths[i] - cells(cell.text))
            flush_right = right[i : i + 1] == "r"
            if cell.text:
                line += gap + (room if flush_right else "") + paint(cell.text, cell.style, color)
                gap = "  " if flush_right else room + "  "
            else:
                gap += room + "  "
        lines.append(line)
    return "\n".join(lines)


def bar(share: float, width: int) -> str:
    """A bar of eighths of a column; what is not nothing shows at least a sliver."""
    eighths = round(share * width * 8)
    if share > 0:
        eighths = max(eighths, 1)
    full, rest = divmod(min(eighths, width * 8), 8)
    return "█" * full + (" ▏▎▍▌▋▊▉"[rest] if rest else "")
