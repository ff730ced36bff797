"""The figures of a receipt as the rows of tables; the same in every view."""

from __future__ import annotations

from dataclasses import fields

from ..record.receipt import Receipt
from . import figures


def usage(receipt: Receipt) -> list[tuple[str, str, str]]:
    """Token buckets that never overlap: name, count, how the count is known."""
    usage = receipt.reply.usage
    known = figures.KNOWN[usage.known]
    buckets = (
        ("fresh input", usage.fresh),
        ("read from cache", usage.cache_read),
        ("written to cache", usage.cache_write),
        ("output", usage.output),
        ("reasoning", usage.reasoning),
    )
    talks = receipt.kind == "conversation"
    always = ("fresh input", "read from cache", "output") if talks else ()
    return [(name, f"{n:,}", known) for name, n in buckets if n or name in always]


def cost(receipt: Receipt) -> list[tuple[str, str]]:
    """The cost of a hosted call, a line a bucket with its arithmetic, and the total."""
    if receipt.exchange is None:
        return [("total", figures.cost(receipt))] if receipt.hosted else []
    found = figures.cost_of(receipt)
    if found is None:
        what = receipt.model if receipt.kind == "conversation" else f"this call ({receipt.kind})"
        told = receipt.reply.usage.input_total
        why = f"no price of {what} is known" if told else "the host did not say how much it read"
        return [("total", f"unknown: {why}, and that is not free")]
    from .money import dollars

    dated = f", {found.price.dated}" if found.price.dated else ""
    rows = [(line.bucket.replace("_", " "), line.formula) for line in found.lines]
    return [*rows, ("total", f"{dollars(found)} ({found.price.source}{dated})")]


def counts(receipt: Receipt) -> list[tuple[str, str, str]]:
    """The input counted here beside what the provider reported, and why they differ."""
    from ..record.own_count import own_count

    counted = own_count(receipt)
    if counted is None:
        return []
    rows = [(name, f"{tokens:,}", figures.KNOWN[known]) for name, tokens, known in counted.lines]
    return [
        *rows,
        ("counted here", f"{counted.total:,}", counted.vocabulary),
        ("reported", f"{counted.reported:,}", counted.why),
    ]


def wire(receipt: Receipt) -> list[tuple[str, str]]:
    """What went over the wire, in a few lines; `--json` and the page have the bytes."""
    went = receipt.exchange
    if went is None:
        return []
    status = "no answer" if went.status is None else str(went.status)
    size = "bytes" if receipt.kind == "conversation" else "bytes kept"
    rows = [
        ("request", f"{went.method} {went.url}, {len(went.sent):,} {size}"),
        ("response", f"{status}, {len(went.received):,} {size}"),
    ]
    return [*rows, *(("retried", why) for why in went.retries)]


def timing(receipt: Receipt) -> list[tuple[str, str, str]]:
    """Times and speeds: name, value, who measured it."""
    timings, rate = receipt.timings, figures.writing_rate(receipt)
    total = ("total", figures.seconds(timings.total), "measured here")
    if receipt.kind != "conversation":
        return [total]
    return [
        ("time to first token", figures.seconds(timings.first_token), "measured here"),
        total,
        ("reading", figures.per_second(timings.reading), "measured by the engine"),
        ("writing", *((figures.per_second(rate[0]), rate[1]) if rate else ("unknown", ""))),
    ]


def settings(receipt: Receipt) -> list[tuple[str, str, str]]:
    """Sampling settings: name, value, and whether it was sent to the model or is its own."""
    options = receipt.request.options
    sent = {
        field.name: value
        for field in fields(options)
        if (value := getattr(options, field.name)) not in (None, ())
    }
    used = {**sent, **receipt.settings}
    return [(name, str(value), "sent" if name in sent else "") for name, value in used.items()]
