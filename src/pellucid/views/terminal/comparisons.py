"""Several models on one question: columns while they write, a table at the end."""

from __future__ import annotations

from collections.abc import Sequence

from ...record.receipt import Receipt
from .. import figures
from ..glyphs import visible
from .style import BOLD, DIM, Cell, cells, fold, paint, table

HEAD = ("", "time", "first token", "in", "out", "speed", "cost", "end")
NARROWEST = 24
"""Columns of a terminal that text can still be read in."""


def columns(
    names: Sequence[str], texts: Sequence[str], *, color: bool = False, width: int = 80
) -> str:
    """Texts beside one another under their names; one below the other where it gets too narrow."""
    each = (width - 3 * (len(names) - 1)) // len(names)
    if each < NARROWEST:
        blocks = [
            "\n".join([paint(name, BOLD, color), *_lines(text, width)])
            for name, text in zip(names, texts, strict=True)
        ]
        return "\n\n".join(blocks)
    folded = [_lines(text, each) for text in texts]
    height = max(map(len, folded))
    rows = [" │ ".join(_cell(paint(name, BOLD, color), name, each) for name in names)]
    for i in range(height):
        line = " │ ".join(_cell(f[i], f[i], each) if i < len(f) else " " * each for f in folded)
        rows.append(line.rstrip())
    return "\n".join(rows)


def _cell(painted: str, text: str, width: int) -> str:
    return painted + " " * max(width - cells(text), 0)


def _lines(text: str, width: int) -> list[str]:
    return [part for line in text.rstrip("\n").split("\n") for part in fold(line, width)]


def comparison(
    names: Sequence[str],
    receipts: Sequence[Receipt | None],
    *,
    color: bool = False,
    width: int = 80,
) -> str:
    """Time, tokens and cost of each; what is not known is "unknown"."""
    rows: list[list[Cell | str]] = [[Cell(word, DIM) for word in HEAD]]
    for name, receipt in zip(names, receipts, strict=True):
        if receipt is None:
            rows.append([visible(name), *[""] * (len(HEAD) - 2), "failed"])
            continue
        usage, rate = receipt.reply.usage, figures.writing_rate(receipt)
        about = "~" if usage.known == "estimated" else ""
        rows.append(
            [
                visible(name),
                figures.seconds(receipt.timings.total),
                figures.seconds(receipt.timings.first_token),
                f"{about}{usage.input_total:,}",
                f"{about}{usage.output_total:,}",
                figures.per_second(rate[0] if rate else None),
                figures.cost(receipt),
                receipt.reply.finish,
            ]
        )
    return table(rows, right=" rrrrrr", color=color, width=width)
