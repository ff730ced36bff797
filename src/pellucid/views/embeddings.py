"""Vectors as terminal text: a few of their numbers, and how near the texts are to each other."""

from __future__ import annotations

from collections.abc import Sequence

from ..models.embeddings import Embeddings
from .figures import KNOWN
from .glyphs import visible
from .terminal.style import DIM, Cell, paint, table

SHOWN = 4
"""Numbers of a vector that are shown; nobody reads 384."""
COMPARED = 12
"""Texts that are compared with each other; more make no table one can read."""


def embeddings(
    value: Embeddings, texts: Sequence[str], *, color: bool = False, width: int = 80
) -> str:
    """Each text with the beginning of its vector; with several, the cosine of every pair."""
    rows = [
        [f"{i + 1}", "  ".join(f"{x:+.3f}" for x in vector[:SHOWN]) + "  …", visible(text)]
        for i, (vector, text) in enumerate(zip(value, texts, strict=True))
    ]
    lines = [table(rows, right="r", color=color, width=width)]
    if 1 < len(value) <= COMPARED:
        numbers = range(len(value))
        grid: list[list[Cell | str]] = [[Cell("", DIM)]]
        grid[0] += [Cell(str(i + 1), DIM) for i in numbers]
        for i in numbers:
            grid.append([Cell(str(i + 1), DIM)])
            grid[-1] += [f"{value.similarity(i, j):.2f}" for j in numbers]
        title = "How near: 1 means the same, 0 nothing in common"
        lines += ["", paint(title, DIM, color), table(grid, right="r" * (len(value) + 1))]
    usage = value.usage
    said = (
        f"{value.model} · {value.dimensions} dimensions · {usage.input_total:,} tokens "
        f"({KNOWN[usage.known]})"
    )
    return "\n".join([*lines, "", paint(said, DIM, color), *map(visible, value.notes)])
