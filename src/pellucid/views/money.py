"""What a text would cost, and how often it fits: a forecast as terminal text."""

from __future__ import annotations

from datetime import date
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
    return "\n".join([*lines, *(paint(sentence, DIM, color) for sentence in _dated(value))])


def _dated(value: Forecast) -> list[str]:
    """From which day each figure is, and from where."""
    prices = [price for price in (value.price, value.embed and value.embed.price) if price]
    said = []
    if value.price is None:
        said.append(f"No price of {value.model} is known; unknown is not free.")
    if prices:
        names = dict.fromkeys(f"{price.provider} {price.model}" for price in prices)
        when = _as_of(prices[0].dated, prices[0].source)
        said.append(f"Prices of {' and '.join(names)} {when}, US dollars.")
    if value.window:
        said.append(f"Window {_as_of(value.window.dated, value.window.source)}.")
    return said


def _as_of(dated: date | None, source: str) -> str:
    return f"as of {dated or 'an unknown day'} ({source})"


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
