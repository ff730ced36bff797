"""Receipts beside one another, as fragments: their figures, and where two prompts part."""

from __future__ import annotations

from collections.abc import Sequence

from ...record.divergence import Divergence
from ...record.receipt import Receipt
from .. import figures
from .markup import share_bar, table, text

HEAD = ("", "time", "first token", "in", "out", "speed", "cost", "end")


def comparison(names: Sequence[str], receipts: Sequence[Receipt | None]) -> str:
    """Time, tokens and cost of each; what is not known is "unknown"."""
    rows: list[tuple[str, ...]] = []
    for name, receipt in zip(names, receipts, strict=True):
        if receipt is None:
            rows.append((name, *[""] * (len(HEAD) - 2), "failed"))
            continue
        usage, rate = receipt.reply.usage, figures.writing_rate(receipt)
        about = "~" if usage.known == "estimated" else ""
        rows.append(
            (
                name,
                figures.seconds(receipt.timings.total),
                figures.seconds(receipt.timings.first_token),
                f"{about}{usage.input_total:,}",
                f"{about}{usage.output_total:,}",
                figures.per_second(rate[0] if rate else None),
                figures.cost(receipt),
                receipt.reply.finish,
            )
        )
    return table(rows, "n", HEAD)


def divergence(value: Divergence, first: Receipt, second: Receipt) -> str:
    """Both prompts as bars of what is shared, the reason they part, and what that cost."""
    longest = max(value.first, value.second, 1)
    bars = "".join(
        f"<p><strong>{text(receipt.model)}</strong> <code>{text(receipt.id)}</code> "
        f"{size:,} tokens</p>"
        + share_bar(
            {"o3": value.shared, "prompt": size - value.shared},
            longest,
            f"{value.shared:,} shared, {size - value.shared:,} of its own",
        )
        for receipt, size in ((first, value.first), (second, value.second))
    )
    return f"{bars}<h4>{text(value.why)}</h4><p>{text(figures.divergence_facts(value))}</p>"
