"""Where the prompts of two calls part, why, and what it cost that the second could not be read
from the cache of the first.

A cache holds prefixes: one changed character near the front makes everything behind it new.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import takewhile
from typing import Literal

from ..errors import UsageError
from ..messages import Known, Message, Thinking, ToolSpec
from ..prompt.values import Prompt
from ..value import value
from .prices import MILLION, price_of
from .receipt import Receipt

Cause = Literal["model", "tool", "clock", "thought", "dropped", "edited", "template", "grown"]

CLOCK = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:\.\d+)?Z?)?"
    r"|\d{1,2}:\d\d(?::\d\d)?(?: ?[AP]M)?"
    r"|(?:\d{1,2} )?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.?"
    r"(?: \d{1,2}(?:st|nd|rd|th)?)?,? \d{4}"
    r"|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
    r"|\b1[5-9]\d{8}(?:\.\d+)?\b"
)
"""A date or a time in a prompt, or seconds since 1970."""


@value
class Divergence:
    """`shared` tokens at the front are the same, of the `first` and `second` prompt's.

    `reread` tokens of the second would have been in the cache had they not parted there; `saving`
    is what reading them from it would have saved, in US dollars, `None` where a price is not
    known; `seconds` is the time it took to read them, where the engine measured that.
    """

    cause: Cause
    why: str
    first: int
    second: int
    shared: int
    reread: int
    known: Known
    cached: int
    saving: Decimal | None
    seconds: float | None


def divergence(first: Receipt, second: Receipt) -> Divergence:
    """Compare two prompts, the earlier one first. Raises `UsageError` for a receipt of no
    conversation."""
    for receipt in (first, second):
        if receipt.kind != "conversation":
            raise UsageError(
                f"{receipt.id} is a call of {receipt.model} for {receipt.kind}: it has no prompt "
                "that could be compared. Give the receipts of two conversations."
            )
    shared, known = _shared(first, second)
    cause, why = _cause(first, second, shared)
    sizes = first.reply.usage.input_total, second.reply.usage.input_total
    if first.prompt is not None and second.prompt is not None:
        sizes = len(first.prompt), len(second.prompt)
    reread = 0 if cause in ("grown", "model") else max(min(sizes) - shared, 0)
    rate = second.timings.reading
    return Divergence(
        cause,
        why,
        *sizes,
        shared,
        reread,
        known,
        second.reply.usage.cache_read,
        _saving(second, reread),
        reread / rate if rate and reread else None,
    )


def _shared(first: Receipt, second: Receipt) -> tuple[int, Known]:
    """Tokens at the front that are the same: exact on ids, else by the share of equal text."""
    if first.prompt is not None and second.prompt is not None:
        return _prefix(first.prompt.ids, second.prompt.ids), "exact"
    texts = ["\n".join(_units(receipt)) for receipt in (first, second)]
    total = max(len(texts[1]), 1)
    tokens = second.reply.usage.input_total
    return tokens * _prefix(*texts) // total, "estimated"


def _prefix(one: Sequence[object], other: Sequence[object]) -> int:
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _units(receipt: Receipt) -> Iterator[str]:
    for tool in receipt.request.tools:
        yield repr(tool)
    for message in receipt.request.messages:
        yield f"{message.role}: {message.parts!r}"


def _cause(first: Receipt, second: Receipt, shared: int) -> tuple[Cause, str]:
    if first.model != second.model:
        return "model", f"Two models: {first.model} and {second.model} share no cache."
    if found := _tools(first.request.tools, second.request.tools):
        return "tool", found
    old, new = first.request.messages, second.request.messages
    at = _prefix([m.parts for m in old], [m.parts for m in new])
    if at < min(len(old), len(new)):
        return _message(at, old, new)
    one, other = first.prompt, second.prompt
    if one and other and shared < min(_settled(one), len(other)):
        return _scaffold(one, other, shared)
    if len(new) < len(old):
        return "dropped", f"The last {len(old) - len(new)} messages are not in the second prompt."
    return "grown", "The second prompt goes on where the first ended: nothing before it changed."


def _tools(old: Sequence[ToolSpec], new: Sequence[ToolSpec]) -> str | None:
    if old == new:
        return None
    before, after = ({tool.name: tool for tool in tools} for tools in (old, new))
    said = [f"{name} was added" for name in after if name not in before]
    said += [f"{name} was taken away" for name in before if name not in after]
    for name in before.keys() & after.keys():
        if before[name] != after[name]:
            parts = ("description", "parameters", "strict")
            changed = [p for p in parts if getattr(before[name], p) != getattr(after[name], p)]
            said.append(f"the {' and '.join(changed)} of {name} changed")
    what = "; ".join(sorted(said)) or "their order changed"
    return f"The tools stand before all messages, and they differ: {what}."


def _message(at: int, old: Sequence[Message], new: Sequence[Message]) -> tuple[Cause, str]:
    one, other = old[at], new[at]
    name = f"message {at} ({other.role})"
    spoken = [[p for p in m.parts if not isinstance(p, Thinking)] for m in (one, other)]
    if spoken[0] == spoken[1]:
        less = sum(isinstance(p, Thinking) for p in other.parts)
        word = "dropped" if less < sum(isinstance(p, Thinking) for p in one.parts) else "changed"
        return "thought", f"The thinking of {name} was {word}."
    if one.role == other.role and CLOCK.sub("", one.text) == CLOCK.sub("", other.text):
        times = zip(CLOCK.findall(one.text), CLOCK.findall(other.text), strict=False)
        then, now = next((a, b) for a, b in times if a != b)
        return "clock", f"A clock in {name}: {then!r} became {now!r}."
    rest = [m.parts for m in old[at:]]
    if other.parts in rest:
        left_out = rest.index(other.parts)
        return "dropped", f"{left_out} messages before {name} were left out."
    place = _prefix(one.text, other.text)
    was, now = (_words(m.text, place) for m in (one, other))
    return "edited", f"The text of {name} changed at character {place:,}: {was!r} became {now!r}."


def _settled(prompt: Prompt) -> int:
    """Tokens before the words that open the assistant's turn: those may read otherwise once the
    turn is history."""
    opens = {i for i, span in enumerate(prompt.spans) if span.origin.kind == "generation"}
    places = (i for i, touched in enumerate(prompt.origins) if opens.intersection(touched))
    return next(places, len(prompt))


def _scaffold(first: Prompt, second: Prompt, shared: int) -> tuple[Cause, str]:
    """The messages are the same; what the chat template wrote around them is not."""
    was, now = (
        prompt.encoding.text[max(prompt.encoding.offsets[shared][0] - 24, 0) :][:60]
        for prompt in (first, second)
    )
    if CLOCK.sub("", was) == CLOCK.sub("", now):
        return "clock", f"The chat template writes the date: {was!r} became {now!r}."
    return "template", f"The chat template wrote it differently: {was!r} became {now!r}."


def _words(text: str, place: int) -> str:
    return text[max(place - 12, 0) : place + 28]


def _saving(second: Receipt, reread: int) -> Decimal | None:
    if second.exchange is None:
        return None
    price = price_of(second.model)
    if price is None or price.input is None:
        return None
    total = second.reply.usage.input_total
    cached, _ = price.rate("cache_read")
    assert cached is not None
    return reread * (price.input.at(total) - cached.at(total)) / MILLION
