"""What a text would cost, and how often it fits: a forecast as terminal text."""

from __future__ import annotations

from decimal import Decimal

from ..record.forecast import Forecast
from ..record.prices import Cost
from .terminal.style import DIM, Cell, paint, table


def forecast(value: Forecast, *, color: bool = False, width: int = 80) -> str:
    """Cost to send, to embed and to send at every turn; how many fit the window; the dates.

    What is not known is "unknown", never 0.
    """
    about = "~" if value.known == "estimated" else ""
    counted = ", estimated" if value.embed and value.embed.known == "estimated" else ""
    rows: list[list[Cell | str]] = [
        ["to send once", dollars(value.send), Cell(value.model, DIM)],
        ["to embed", dollars(value.embed), Cell(value.embedder + counted, DIM)],
    ]
    chat = value.conversation
    if chat is not None:
        turns = "turn" if chat.turns == 1 else "turns"
        rows.append(
            [
                f"sent once per turn, {chat.turns:,} {turns}",
                dollars(chat.cost),
                Cell(f"{about}{chat.usage.fresh:,} tokens in, nothing read from a cache", DIM),
            ]
        )
    window = "unknown" if value.window is None else f"{value.window.tokens:,}"
    fits = "unknown" if value.fits is None else f"{about}{value.fits:,}"
    rows.append(["fit the context window", fits, Cell(f"window: {window} tokens", DIM)])
    lines = [table(rows, right=" r", color=color, width=width)]
    if chat is not None and chat.overflows is not None:
        lines.append(f"From turn {chat.overflows:,} on the conversation exceeds the window.")
    lines.append(paint(_dated(value), DIM, color))
    return "\n".join(lines)


def _dated(value: Forecast) -> str:
    price = value.price
    if price is None:
        return f"No price of {value.model} is known; unknown is not free."
    when = price.dated.isoformat() if price.dated else "an unknown day"
    return f"Prices of {price.provider} {price.model} as of {when} ({price.source}), US dollars."


def dollars(cost: Cost | None) -> str:
    """An amount with at least two significant digits: $1.25, $0.0042; ~ where it rests on an
    estimate."""
    if cost is None:
        return "unknown"
    amount = cost.total
    if amount == 0:
        return "$0"
    places = max(2, 1 - amount.adjusted())
    about = "~" if cost.known == "estimated" else ""
    return f"{about}${amount.quantize(Decimal(1).scaleb(-places)):,f}"
