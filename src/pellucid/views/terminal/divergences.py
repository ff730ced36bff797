"""Where two prompts part, as terminal text."""

from __future__ import annotations

from ...record.divergence import Divergence
from ...record.receipt import Receipt
from .. import figures
from ..glyphs import visible
from .style import BOLD, DIM, bar, paint, table, wrapped

BAR = 40


def divergence(
    value: Divergence, first: Receipt, second: Receipt, *, color: bool = False, width: int = 80
) -> str:
    """Both prompts as bars of what is shared, the reason they part, and what that cost."""
    longest = max(value.first, value.second, 1)
    rows = [
        [
            receipt.id,
            visible(receipt.model),
            f"{size:,} tokens",
            bar(value.shared / longest, BAR)
            + paint("░" * round((size - value.shared) / longest * BAR), DIM, color),
        ]
        for receipt, size in ((first, value.first), (second, value.second))
    ]
    lines = [table(rows, right="  r"), "", paint(visible(value.why), BOLD, color)]
    return "\n".join([*lines, *wrapped(figures.divergence_facts(value), width, color)])
