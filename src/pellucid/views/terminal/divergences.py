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
    about = "" if value.known == "exact" else "~"
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
    facts = [
        f"The first {about}{value.shared:,} tokens are the same "
        f"({figures.KNOWN[value.known]}); {value.cached:,} were read from a cache."
    ]
    if value.reread:
        facts.append(f"{about}{value.reread:,} tokens that stood in the first were read again.")
    if value.seconds:
        facts.append(f"Reading them took {figures.seconds(value.seconds)}.")
    if value.saving is not None and value.reread:
        facts.append(f"From the cache they would have been ${value.saving:.6f} cheaper.")
    return "\n".join([*lines, *wrapped(" ".join(facts), width, color)])
