"""The numbers of a receipt, and how they are said; the same in every view."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from ..messages import Known
from ..prompt.budget import measure
from ..prompt.values import Label, Prompt
from ..record.prices import Cost, price_of
from ..record.prices import cost as priced
from ..record.receipt import Receipt, Summary
from ..replies import Candidate, Reply, ReplyToken

if TYPE_CHECKING:
    from ..record.divergence import Divergence

KNOWN: dict[Known, str] = {
    "exact": "counted on the real ids",
    "reported": "as the provider reported",
    "estimated": "estimated",
}

MEANING: dict[Label, str] = {
    "scaffold": "written by the chat template",
    "system": "the system message",
    "tools": "the schema of a tool",
    "user": "what the user wrote",
    "assistant": "what the model answered before",
    "tool": "what a tool answered",
    "passage": "quoted text: a page, a file, a search result",
    "generation": "opens the assistant's turn",
}


def replayed_tokens(receipt: Receipt) -> int | None:
    """Prompt tokens up to the last one of a replayed message; `None` without a prompt.

    What follows is new: the template's words that close the last answer have never been sent.
    """
    if receipt.prompt is None:
        return None
    old = receipt.replayed_messages
    is_old = [
        span.origin.message is not None and span.origin.message < old
        for span in receipt.prompt.spans
    ]
    for i in range(len(receipt.prompt.origins) - 1, -1, -1):
        if any(is_old[span] for span in receipt.prompt.origins[i]):
            return i + 1
    return 0


def window_used(receipt: Receipt) -> int:
    """Tokens of the context window that the prompt and the reply take."""
    return receipt.reply.usage.input_total + receipt.reply.usage.output_total


def window_share(receipt: Receipt) -> float | None:
    """The part of the context window in use, 0 to 1."""
    return window_used(receipt) / receipt.window if receipt.window else None


Place = Literal["template", "system", "tools", "history", "passages", "this turn", "prompt"]
"""What a stretch of the window is spent on; `prompt` where a provider made it out of sight."""


def window_parts(receipt: Receipt) -> list[tuple[Place, int]]:
    """The tokens of the prompt by what they are for; they add up to its length."""
    prompt = receipt.prompt
    if prompt is None:
        return [("prompt", receipt.reply.usage.input_total)]
    spent = measure(prompt, receipt.window or 0)
    parts: list[tuple[Place, int]] = [
        ("template", spent.scaffold + spent.generation),
        ("system", spent.system),
        ("tools", spent.tools),
        ("history", sum(spent.turns[:-1])),
        ("passages", spent.passages),
        ("this turn", sum(spent.turns[-1:])),
    ]
    return [(name, count) for name, count in parts if count]


SHORTEST = 0.02
"""Seconds: what comes in less came at once, and says nothing of how fast it was written."""


def writing_rate(receipt: Receipt) -> tuple[float, str] | None:
    """Tokens per second of the reply, and who measured it."""
    timings = receipt.timings
    if timings.writing is not None:
        return timings.writing, "measured by the engine"
    after_first = receipt.reply.usage.output_total - 1
    if timings.total is None or timings.first_token is None or after_first < 1:
        return None
    seconds = timings.total - timings.first_token
    return (after_first / seconds, "measured here") if seconds > SHORTEST else None


def status(receipt: Receipt) -> list[str]:
    """The figures of a reply in a few short phrases: tokens in and out, window, speed."""
    usage, timings = receipt.reply.usage, receipt.timings
    about = "~" if usage.known == "estimated" else ""
    ending = "" if receipt.reply.finish == "stop" else f" ({receipt.reply.finish})"
    if receipt.kind != "conversation":
        made = (each.removesuffix(".") for each in receipt.reply.notices)
        counts = (usage.input_total, "in"), (usage.output_total, "out")
        tokens = (f"{about}{count:,} tokens {way}" for count, way in counts if count)
        return [receipt.kind + ending, *made, *tokens, seconds(timings.total)]
    replayed = replayed_tokens(receipt)
    parts = []
    if replayed:
        parts.append(f"{max(usage.input_total - replayed, 0):,} new")
        parts.append(f"{replayed:,} replayed")
    if usage.cache_read:
        parts.append(f"{usage.cache_read:,} cached")
    phrases = [f"{about}{usage.input_total:,} in" + (f" ({', '.join(parts)})" if parts else "")]
    phrases.append(f"{about}{usage.output_total:,} out{ending}")
    share = window_share(receipt)
    if share is not None and receipt.window is not None:
        phrases.append(f"{percent(share)} of {window_name(receipt.window)} window")
    if timings.first_token is not None:
        phrases.append(f"{seconds(timings.first_token)} to first token")
    rate = writing_rate(receipt)
    if rate is not None:
        phrases.append(per_second(rate[0]))
    return phrases


def asked(summary: Summary, nothing: str = "") -> str:
    """The words of a receipt in a list: what was asked, and if it is no conversation, of what kind
    it is."""
    if summary.kind == "conversation":
        return summary.question or nothing
    return f"[{summary.kind}] {summary.question or summary.answer}".rstrip()


def tokens(summary: Summary) -> tuple[str, str]:
    """Tokens in and out; empty where none were counted because it is no conversation."""
    told = summary.input_tokens, summary.output_tokens
    talks = summary.kind == "conversation"
    one, other = (f"{count:,}" if count or talks else "" for count in told)
    return one, other


def percent(share: float) -> str:
    """A share of 1 in percent, with as many digits as mean something."""
    value = share * 100
    if 0 < value < 0.1:
        return "<0.1%"
    if 99.9 < value < 100:
        return ">99.9%"
    return f"{value:.0f}%" if value in (0, 100) or 10 <= value < 99 else f"{value:.1f}%"


def probability(logprob: float | None) -> str:
    """The probability in percent, or that it is not known."""
    return "unknown" if logprob is None else percent(math.exp(logprob))


Band = Literal["p0", "p1", "p2", "p3", "pn"]
"""`p0` (certain) to `p3` (a long shot), `pn`: not known."""

BANDS: tuple[tuple[Band, float, str], ...] = (
    ("p0", 0.9, "90% and more"),
    ("p1", 0.5, "50 to 90%"),
    ("p2", 0.1, "10 to 50%"),
    ("p3", 0.0, "under 10%"),
)


def band(logprob: float | None) -> Band:
    """How sure the model was of a token, coarsely."""
    if logprob is None:
        return "pn"
    share = math.exp(logprob)
    return next(name for name, least, _ in BANDS if share >= least)


def endings(reply: Reply) -> int:
    """How many of the last tokens are not text: what is left when the reply's text is used up.

    0 where the tokens spell something else than the text, as with a reply that calls a tool.
    """
    text = reply.text.encode("utf-8", "surrogatepass")
    if not b"".join(token.piece for token in reply.tokens).startswith(text):
        return 0
    length = 0
    for i, token in enumerate(reply.tokens):
        if length >= len(text):
            return len(reply.tokens) - i
        length += len(token.piece)
    return 0


def others(token: ReplyToken) -> Sequence[Candidate]:
    """The alternatives to a token, without the token itself."""
    return [candidate for candidate in token.alternatives if candidate.id != token.id]


def nearly(reply: Reply) -> tuple[int, Candidate] | None:
    """The alternative that came nearest to being said: its token's number, and itself."""
    found = [
        (number, candidate)
        for number, token in enumerate(reply.tokens)
        for candidate in others(token)
    ]
    return max(found, key=lambda each: _logprob(each[1]), default=None)


def _logprob(candidate: Candidate) -> float:
    return -math.inf if candidate.logprob is None else candidate.logprob


def sureness(reply: Reply) -> str:
    """How many tokens a reply has, and of how many the model was not sure."""
    unsure = sum(band(token.logprob) in ("p2", "p3") for token in reply.tokens)
    unknown = sum(token.logprob is None for token in reply.tokens)
    words = f"{len(reply.tokens):,} tokens, {unsure:,} chosen at under 50%"
    return words + (f", {unknown:,} of unknown probability" if unknown else "")


def window_name(window: int) -> str:
    """32768 is 32k, 128000 is 128k; a window that is not round is said in full."""
    for unit in (1000, 1024):
        if window >= unit and window % unit == 0:
            return f"{window // unit:,}k"
    return f"{window:,}"


def seconds(value: float | None) -> str:
    if value is None:
        return "unknown"
    return f"{value:.2f} s" if value < 10 else f"{value:,.1f} s"


def per_second(rate: float | None) -> str:
    if rate is None:
        return "unknown"
    return f"{rate:.1f} tok/s" if rate < 10 else f"{rate:,.0f} tok/s"


def when(created: float) -> str:
    """A moment in the local time zone, with its distance from UTC."""
    return datetime.fromtimestamp(created).astimezone().strftime("%Y-%m-%d %H:%M:%S %z")


def origin_place(prompt: Prompt, span: int) -> str:
    """Where a span came from, in words: `message 2, part 0 (user)`."""
    origin = prompt.spans[span].origin
    match origin.kind:
        case "scaffold":
            return "scaffold"
        case "generation":
            return "generation prompt"
        case "tool":
            return f"schema of tool {origin.tool}"
        case "produced":
            return "token chosen for this reply" if origin.part else "kept from an earlier reply"
        case _:
            label = prompt.label(origin)
            return f"message {origin.message}, part {origin.part or 0} ({label})"


def origin_reason(prompt: Prompt, token: int) -> str:
    """Why a token is in the prompt, in one clause."""
    labels = {prompt.label(prompt.spans[span].origin) for span in prompt.origins[token]}
    if prompt.encoding.special[token]:
        return "control token, written by the chat template"
    if len(labels) > 1:
        return "straddles two origins"
    return MEANING[labels.pop()]


def divergence_facts(value: Divergence) -> str:
    """How far two prompts are the same, and what it cost that they part there."""
    about = "" if value.known == "exact" else "~"
    facts = [
        f"The first {about}{value.shared:,} tokens are the same "
        f"({KNOWN[value.known]}); {value.cached:,} were read from a cache."
    ]
    if value.reread:
        facts.append(f"{about}{value.reread:,} tokens that stood in the first were read again.")
    if value.seconds:
        facts.append(f"Reading them took {seconds(value.seconds)}.")
    if value.saving is not None and value.reread:
        facts.append(f"From the cache they would have been ${value.saving:.6f} cheaper.")
    return " ".join(facts)


def cost(receipt: Receipt) -> str:
    """What the call cost: dollars, "none" where it ran here or nothing was sent to its host,
    "unknown" without a price."""
    if receipt.exchange is None:
        return "none, nothing was sent" if receipt.hosted else "none"
    from .money import dollars

    return dollars(cost_of(receipt))


def cost_of(receipt: Receipt) -> Cost | None:
    """The cost by buckets; `None` where the price of the model is not known, or how much was used:
    no call takes no tokens, and sound and pictures have tokens of other prices than text."""
    usage = receipt.reply.usage
    if receipt.kind not in ("conversation", "vectors") or not usage.input_total:
        return None
    price = price_of(receipt.model)
    return None if price is None else priced(usage, price)
