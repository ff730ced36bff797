"""What the turn took and cost, the conversation so far, and why each turn costs more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...record.forecast import Conversation, converse
from ...record.prices import Cost, add, price_of
from ...record.prices import cost as priced
from ...record.receipt import Receipt
from ...replies import Usage
from .. import figures, tables
from ..html.markup import table, text
from ..money import dollars
from .panel import Glass, framed, lead, part

OTHERS = (
    "openai/gpt-4.1-nano",
    "openai/gpt-5-mini",
    "openai/gpt-5.2",
    "anthropic/claude-haiku-4-5",
    "anthropic/claude-sonnet-4-5",
    "google/gemini-2.5-flash",
    "deepseek/deepseek-chat",
)
"""Models to compare with: small and large ones of several makers."""
AHEAD = 10
"""Turns that the plot shows at least, those to come drawn as they would be at this rate."""
WORD = 20
"""The turn that is told of in words."""


def html(glass: Glass) -> str:
    """Tokens, money and seconds of this turn and of the conversation, and how they grow."""
    receipt = glass.receipt
    calls = [*glass.earlier, receipt]
    costs = tables.cost(receipt)
    ran = "It ran on this machine: that costs time and power, and no money."
    money = table(costs) if costs else f'<p class="quiet">{ran}</p>'
    if receipt.kind != "conversation":
        return framed(
            lead(f"<b>{text(' · '.join(figures.status(receipt)))}</b>"),
            part("This call", table(tables.usage(receipt), "n"), money),
        )
    return framed(
        lead(_words(calls)),
        part("This turn", table(tables.usage(receipt), "n"), money),
        part("Time", table(tables.timing(receipt), "n")),
        part("The conversation", _plot(calls)),
        part("The same on other models", _others(calls)),
    )


def _words(calls: Sequence[Receipt]) -> str:
    usage = calls[-1].reply.usage
    words = f"<b>{usage.input_total:,} tokens in, {usage.output_total:,} out.</b> "
    if len(calls) == 1:
        return words + "The next turn will send these again, and the new words after them."
    first, replayed = calls[0].reply.usage.input_total, _split(calls)[-1][0]
    total = sum(call.reply.usage.input_total for call in calls)
    return (
        f"{words}The first {_word(calls)} sent {first:,}; of the {usage.input_total:,} of this one "
        f"{replayed:,} are the history, replayed. The {len(calls)} "
        f"{_word(calls)}s together sent {total:,}."
    )


def _word(calls: Sequence[Receipt]) -> str:
    """What a bar is: a turn, or a call where turns took several because of tools."""
    answers = any(call.request.messages[-1].role == "tool" for call in calls)
    return "call" if answers else "turn"


def _split(calls: Sequence[Receipt]) -> list[tuple[int, int, int]]:
    """Tokens replayed, new and answered of each call.

    Where a provider made the prompt, what the call before read and wrote is taken as replayed.
    """
    rows, before = [], 0
    for call in calls:
        usage = call.reply.usage
        known = figures.replayed_tokens(call)
        replayed = min(before, usage.input_total) if known is None else known
        rows.append((replayed, usage.input_total - replayed, usage.output_total))
        before = usage.input_total + usage.output_total
    return rows


def _plot(calls: Sequence[Receipt]) -> str:
    """Bars, a call each: the history below, what was new above it, the answer on top."""
    rows, word = _split(calls), _word(calls)
    ahead = _ahead(calls, max(AHEAD, len(calls) + 3))
    sizes = [sum(row) for row in rows]
    sizes += [_size(ahead, k) for k in range(len(calls) + 1, ahead.turns + 1)] if ahead else []
    highest, step = max(*sizes, 1), 1000 / len(sizes)
    shapes = []
    for i, size in enumerate(sizes):
        at, width = i * step + step * 0.12, step * 0.76
        if i < len(rows):
            told, bar = _told(word, i, rows[i]), _bar(at, width, rows[i], highest)
        else:
            told = f"{word} {i + 1}, at this rate: about {size:,} tokens"
            bar = _rect("ahead", at, width, 100.0, size, highest)
        shapes.append(f"<g><title>{told}</title>{bar}</g>")
    said = f"tokens of each of {len(rows)} calls; the last: {_told(word, len(rows) - 1, rows[-1])}"
    return (
        f'<p class="axis"><span>{highest:,} tokens</span></p>'
        f'<svg class="plot" viewBox="0 0 1000 100" preserveAspectRatio="none" role="img" '
        f'aria-label="{said}">{"".join(shapes)}</svg>'
        f'<p class="axis"><span>{word} 1</span><span>{word} {len(sizes)}</span></p>'
        '<ul class="legend"><li><i class="b1">below: history, replayed</i></li>'
        '<li><i class="b2">above it: new</i></li><li><i class="b3">on top: the answer</i></li>'
        + ('<li><i class="b4">outlined: at this rate</i></li>' if ahead else "")
        + f"</ul>{_ahead_words(ahead, calls)}{_table(calls, rows)}"
    )


def _bar(at: float, width: float, row: tuple[int, int, int], highest: int) -> str:
    out, floor = "", 100.0
    for name, count in zip(("b1", "b2", "b3"), row, strict=True):
        out += _rect(name, at, width, floor, count, highest)
        floor -= 100 * count / highest
    return out


def _rect(name: str, at: float, width: float, floor: float, count: int, highest: int) -> str:
    height = 100 * count / highest
    return (
        f'<rect class="{name}" x="{at:.1f}" y="{floor - height:.2f}" width="{width:.1f}" '
        f'height="{height:.2f}"/>'
    )


def _told(word: str, number: int, row: tuple[int, int, int]) -> str:
    replayed, new, answered = row
    return f"{word} {number + 1}: {replayed:,} replayed, {new:,} new, {answered:,} answered"


def _table(calls: Sequence[Receipt], rows: Sequence[tuple[int, int, int]]) -> str:
    body = (
        (
            f"{i + 1}",
            *(f"{count:,}" for count in row),
            figures.seconds(call.timings.first_token),
            figures.seconds(call.timings.total),
            figures.cost(call),
        )
        for i, (call, row) in enumerate(zip(calls, rows, strict=True))
    )
    head = (_word(calls), "replayed", "new", "answered", "first token", "total time", "cost")
    return (
        f'<details class="fold"><summary>as a table</summary>{table(body, "lab", head)}</details>'
    )


def _ahead(calls: Sequence[Receipt], turns: int) -> Conversation | None:
    """The conversation if it goes on as it went; `None` where not all of the history is sent."""
    last = calls[-1]
    if last.memory.policy != "full":
        return None
    sizes = [call.reply.usage.input_total for call in calls]
    reply = sum(call.reply.usage.output_total for call in calls) // len(calls)
    if len(calls) == 1:
        asked = sum(count for name, count in figures.window_parts(last) if name == "this turn")
    else:
        asked = max((sizes[-1] - sizes[0]) // (len(calls) - 1) - reply, 0)
    return converse(
        max(sizes[-1] - len(calls) * asked - (len(calls) - 1) * reply, 0),
        None,
        turns,
        asked,
        reply,
        window=last.window,
    )


def _size(ahead: Conversation, turn: int) -> int:
    """Tokens of the window that turn number `turn` takes, its answer included."""
    return ahead.tokens + turn * (ahead.per_turn + ahead.reply)


def _ahead_words(ahead: Conversation | None, calls: Sequence[Receipt]) -> str:
    if ahead is None:
        return (
            f'<p class="quiet">The memory policy {text(calls[-1].memory.policy)} bounds what is '
            "replayed.</p>"
        )
    far = _ahead(calls, max(WORD, 2 * len(calls)))
    assert far is not None
    word = _word(calls)
    words = (
        f"At this rate {word} {far.turns} takes about {far.longest:,} tokens, and the {far.turns} "
        f"{word}s together send about {far.usage.fresh:,}: the sum grows with the square of the "
        f"{word}s."
    )
    if far.overflows is not None:
        words += f" From {word} {far.overflows:,} on it no longer fits the window."
    return f"<p>{words}</p>"


def _others(calls: Sequence[Receipt]) -> str:
    """This turn and the conversation at the prices of other models."""
    rows, dated = [], ""
    for name in OTHERS:
        price = price_of(name)
        used = [call.reply.usage for call in calls]
        found = [priced(_fresh(u), price) for u in used if price is not None and u.input_total]
        known = [each for each in found if each is not None]
        whole: Cost | None = add(known) if len(known) == len(calls) else None
        rows.append((name, dollars(known[-1] if whole else None), dollars(whole)))
        if price is not None and price.dated is not None:
            dated = f" Prices of {price.dated} ({price.source}), in US dollars."
    about = (
        "About: with the token counts of this model, though each counts otherwise, and nothing "
        f"read from a cache.{dated}"
    )
    head = ("", "this turn", "the conversation")
    return f'{table(rows, "lab", head)}<p class="quiet">{text(about)}</p>'


def _fresh(usage: Usage) -> Usage:
    """The same tokens sent to a model that has nothing of them in a cache."""
    return replace(usage, fresh=usage.input_total, cache_read=0, cache_write=0, known="estimated")
