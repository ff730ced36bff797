"""How well a model calls tools: a fixed set of questions, asked for real, each failure named.

The tools answer with fixed values that no model can know, so an answer that holds one used it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from ..chat import Chat
from ..errors import PellucidError
from ..messages import Options, ToolCall
from ..models.base import Model
from ..record.receipt import Receipt
from ..tools.running import Toolbox
from ..tools.tool import Tool, tool
from ..tools.verdict import Verdict, verdict
from ..value import value

MAX_TOKENS = 160
"""Of a reply: enough for two calls or a sentence, and an end to one that goes on for ever."""

Group = Literal["must call", "must not call", "choose", "enum", "two calls"]
Unit = Literal["celsius", "fahrenheit"]
Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


@tool(parallel=True)
def get_ticket_price(city: str) -> str:
    """The price of a return ticket to a city."""
    prices = {"london": 799, "paris": 899, "tokyo": 1420, "rome": 512, "berlin": 499, "madrid": 614}
    price = prices.get(city.lower())
    return f"{price} dollars" if price else f"No flights to {city}."


@tool(parallel=True)
def get_weather(city: str, unit: Unit = "celsius") -> dict[str, object]:
    """The weather of today in a city."""
    degrees = {"oslo": 7, "cairo": 38, "rome": 23}.get(city.lower(), 16)
    return {
        "sky": "drizzle",
        "temperature": degrees if unit == "celsius" else degrees * 9 // 5 + 32,
    }


@tool
def get_opening_hours(day: Day) -> str:
    """When the shop is open on a day of the week."""
    return {"saturday": "10:30 to 16:15", "sunday": "closed"}.get(day, "09:15 to 18:45")


ONE = (get_ticket_price,)
THREE = (get_ticket_price, get_weather, get_opening_hours)


@value
class Case:
    """A question, the calls it needs and what of their results an answer holds. An answer with one
    of the words between two bars is enough."""

    group: Group
    question: str
    tools: tuple[Tool, ...] = ONE
    calls: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    facts: tuple[str, ...] = ()


def _price(city: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    return ("get_ticket_price", (("city", city),))


def _weather(city: str, *more: tuple[str, str]) -> tuple[str, tuple[tuple[str, str], ...]]:
    return ("get_weather", (("city", city), *more))


def _hours(day: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    return ("get_opening_hours", (("day", day),))


CASES = (
    Case("must call", "How much is a ticket to London?", ONE, (_price("london"),), ("799",)),
    Case("must call", "What would a flight to Tokyo cost me?", ONE, (_price("tokyo"),), ("1420",)),
    Case("must call", "I'd like to visit Berlin. Price?", ONE, (_price("berlin"),), ("499",)),
    Case("must call", "Tell me the fare to Madrid, please.", ONE, (_price("madrid"),), ("614",)),
    Case("must not call", "Hello"),
    Case("must not call", "What is 2+2?"),
    Case("must not call", "Thanks, that is all I wanted to know."),
    Case("must not call", "What is the capital of Italy?", THREE),
    Case("must not call", "Who wrote Hamlet?", THREE),
    Case("must not call", "Write one sentence about cats.", THREE),
    Case("choose", "What does a ticket to Rome cost?", THREE, (_price("rome"),), ("512",)),
    Case("choose", "How is the weather in Oslo today?", THREE, (_weather("oslo"),), ("drizzl|7",)),
    Case("choose", "When are you open on Saturday?", THREE, (_hours("saturday"),), ("10:30",)),
    Case(
        "enum",
        "What is the temperature in Cairo, in fahrenheit?",
        THREE,
        (_weather("cairo", ("unit", "fahrenheit")),),
        ("100",),
    ),
    Case(
        "enum",
        "What are the opening hours on Tuesday?",
        THREE,
        (_hours("tuesday"),),
        ("18:45|6:45",),
    ),
    Case(
        "two calls",
        "How much is a ticket to Paris, and how much is one to Tokyo?",
        ONE,
        (_price("paris"), _price("tokyo")),
        ("899", "1420"),
    ),
    Case(
        "two calls",
        "Compare the ticket prices of Rome and Madrid.",
        ONE,
        (_price("rome"), _price("madrid")),
        ("512", "614"),
    ),
)


@value
class Examined:
    """One case, asked once. `called`: the calls it needs were made, well formed, or none where it
    needs none; `fact`: the answer holds what they answered. `raw` are the replies as they were
    written."""

    case: Case
    called: bool
    fact: bool
    verdict: Verdict
    raw: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return self.called and self.fact


def examine(
    model: Model, times: int = 1, temperature: float = 0.0, cases: Sequence[Case] = CASES
) -> Iterator[Examined]:
    """Ask every case `times` times, seeds 1, 2 and on; no receipt is kept."""
    for case in cases:
        for seed in range(1, times + 1):
            yield _examine(model, case, Options(temperature, seed=seed, max_tokens=MAX_TOKENS))


def _examine(model: Model, case: Case, options: Options) -> Examined:
    chat = Chat(model, tools=Toolbox(case.tools), options=options, store=None)
    try:
        answer = chat.say(case.question).text
    except PellucidError as error:
        return Examined(case, False, False, Verdict("no call", str(error)), ())
    calls = [
        part
        for receipt in chat.receipts
        for part in receipt.reply.message.parts
        if isinstance(part, ToolCall)
    ]
    made = [(call.name, _arguments(call)) for call in calls]
    called = all(_made(name, dict(given), made) for name, given in case.calls) and (
        bool(case.calls) or not calls
    )
    text = answer.replace(",", "").lower()
    fact = all(any(word in text for word in each.split("|")) for each in case.facts)
    raw = tuple(_raw(receipt) for receipt in chat.receipts)
    return Examined(case, called, fact, _named(case, chat.receipts, bool(calls), called, fact), raw)


def _arguments(call: ToolCall) -> dict[str, object]:
    import json

    try:
        given = json.loads(call.arguments or "{}")
    except ValueError:
        return {}
    return given if isinstance(given, dict) else {}


def _made(name: str, wanted: dict[str, str], made: Sequence[tuple[str, dict[str, object]]]) -> bool:
    return any(
        name == other and all(str(given.get(k, "")).lower() == v for k, v in wanted.items())
        for other, given in made
    )


def _raw(receipt: Receipt) -> str:
    """The reply as the model wrote it."""
    reply = receipt.reply
    written = b"".join(token.piece for token in reply.tokens).decode("utf-8", "replace")
    calls = [f"{p.name} {p.arguments}" for p in reply.message.parts if isinstance(p, ToolCall)]
    return written or "\n".join([reply.text, *calls]).strip()


def _named(
    case: Case, receipts: Sequence[Receipt], calls: bool, called: bool, fact: bool
) -> Verdict:
    """The first thing that went wrong, or the last verdict."""
    verdicts = [found for receipt in receipts if (found := verdict(receipt)) is not None]
    if not case.calls and calls:
        return Verdict("needless call", "The question needs no tool.")
    if wrong := next((found for found in verdicts if not found.fine), None):
        return wrong
    if not called:
        if not calls:
            return Verdict("no call", "The question needs a tool, and none was called.")
        wanted = " and ".join(name for name, _ in case.calls)
        return Verdict("wrong argument", f"Needed: {wanted} with {_shown(case)}.")
    if not fact:
        return Verdict("ignored result", f"The answer lacks {' and '.join(case.facts)}.")
    return verdicts[-1] if verdicts else Verdict("answered in words")


def _shown(case: Case) -> str:
    return "; ".join(", ".join(f"{k}: {v}" for k, v in given) for _, given in case.calls)


@value
class Rates:
    """Shares of 1; `None`: nothing was asked of that kind yet."""

    called: float | None
    needless: float | None
    facts: float | None


def rates(examined: Sequence[Examined]) -> Rates:
    """Calls made well where they were needed, calls made where none was, answers with the fact."""
    needed = [each for each in examined if each.case.calls]
    others = [each for each in examined if not each.case.calls]
    return Rates(
        _share([each.called for each in needed]),
        _share([not each.called for each in others]),
        _share([each.fact for each in needed]),
    )


def _share(found: Sequence[bool]) -> float | None:
    return sum(found) / len(found) if found else None
