"""What tokens cost: rates per million, and the cost of a `Usage`, bucket by bucket.

Amounts are exact decimals of US dollars. A price that is not known is `None`, never 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from ..errors import UsageError
from ..messages import Known
from ..models import price_list
from ..replies import Usage
from ..value import value

if TYPE_CHECKING:
    from genai_prices.types import TieredPrices

Bucket = Literal["fresh", "cache_read", "cache_write", "output", "reasoning", "request"]
"""The buckets of `Usage`, which never overlap, and the fee some providers take for each call."""

MILLION = 1_000_000


@value
class Rate:
    """US dollars per million tokens.

    `tiers` are pairs of a threshold and a rate, ascending: a call whose whole input has more
    tokens than the threshold pays that rate for all of its tokens.
    """

    base: Decimal
    tiers: tuple[tuple[int, Decimal], ...] = ()

    def at(self, input_tokens: int) -> Decimal:
        """The rate of a call with that many input tokens, cached ones included."""
        reached = [rate for threshold, rate in self.tiers if input_tokens > threshold]
        return reached[-1] if reached else self.base


@value
class Price:
    """What a provider asks for a model. A rate that is `None` is not known.

    `cache_write` is the rate of the shortest lifetime a provider sells. `request` is the fee for
    a thousand calls, on top of the tokens. `model` is the data set's name for the model, `source`
    the data set and its version, and `dated` the newest day its prices were checked.
    """

    provider: str
    model: str
    input: Rate | None
    output: Rate | None
    cache_read: Rate | None = None
    cache_write: Rate | None = None
    reasoning: Rate | None = None
    request: Decimal | None = None
    source: str = ""
    dated: date | None = None

    def rate(self, bucket: Bucket) -> tuple[Rate | None, str]:
        """The rate that a bucket is billed at, and a note where it is not one of its own.

        Without a rate of their own, cached tokens are billed as fresh input and reasoning as
        output: that is what providers do who list none.
        """
        match bucket:
            case "cache_read" if self.cache_read is None:
                return self.input, "billed as fresh input"
            case "cache_read":
                return self.cache_read, ""
            case "cache_write" if self.cache_write is None:
                return self.input, "billed as fresh input"
            case "cache_write":
                return self.cache_write, ""
            case "reasoning":
                return self.reasoning or self.output, "" if self.reasoning else "billed as output"
            case "output":
                return self.output, ""
            case _:
                return self.input, ""


@value
class Line:
    """One bucket's share of a cost: `count` tokens (or calls) at `rate` dollars for each `per`."""

    bucket: Bucket
    count: int
    rate: Decimal
    per: int = MILLION
    note: str = ""

    @property
    def amount(self) -> Decimal:
        return self.count * self.rate / self.per

    @property
    def formula(self) -> str:
        """The arithmetic in words: `1,200 fresh × $2.5 / 1,000,000 = $0.003`."""
        note = f" ({self.note})" if self.note else ""
        return (
            f"{self.count:,} {self.bucket.replace('_', ' ')} × ${_plain(self.rate)} / "
            f"{self.per:,} = ${_plain(self.amount)}{note}"
        )


@value
class Cost:
    """What a usage costs: its lines add up to the total. `known` is how its tokens are known."""

    lines: tuple[Line, ...]
    price: Price
    known: Known

    @property
    def total(self) -> Decimal:
        return sum((line.amount for line in self.lines), Decimal(0))

    @property
    def formula(self) -> str:
        """Every line's arithmetic, the total, and the date of the prices."""
        lines = "; ".join(line.formula for line in self.lines) or "nothing was used"
        when = f", {self.price.dated}" if self.price.dated else ""
        return f"{lines}; total ${_plain(self.total)} ({self.price.source}{when})"

    def __repr__(self) -> str:
        return f"Cost(${_plain(self.total)}, {self.price.provider} {self.price.model})"


def price_of(
    name: str, provider: str | None = None, *, when: datetime | None = None
) -> Price | None:
    """The price of a model at a moment (default: now); `None` when it is not known.

    Names are read as in `price_list.find`. Prices by date and by hour of the day are the data
    set's; what is sold by the minute, the page or the character has no price per token.
    """
    listing = price_list.find(name, provider)
    if listing is None:
        return None
    rates = listing.info.get_prices(when or datetime.now(UTC))
    if rates.input_mtok is None and rates.output_mtok is None:
        return None
    fee = rates.requests_kcount
    return Price(
        provider=listing.provider,
        model=listing.info.id,
        input=_rate(rates.input_mtok),
        output=_rate(rates.output_mtok),
        cache_read=_rate(rates.cache_read_mtok),
        cache_write=_rate(rates.cache_write_mtok),
        reasoning=_rate(rates.output_reasoning_mtok),
        request=fee if isinstance(fee, Decimal) else None,
        source=price_list.source(),
        dated=price_list.dated(),
    )


def _rate(value: Decimal | TieredPrices | None) -> Rate | None:
    if value is None or isinstance(value, Decimal):
        return None if value is None else Rate(value)
    return Rate(value.base, tuple((tier.start, tier.price) for tier in value.tiers))


def cost(usage: Usage, price: Price) -> Cost | None:
    """What one call with this usage costs; `None` when a bucket that was used has no known rate.

    Raises `UsageError` when a bucket is negative: then the buckets it came from overlapped.
    """
    counts: dict[Bucket, int] = {
        "fresh": usage.fresh,
        "cache_read": usage.cache_read,
        "cache_write": usage.cache_write,
        "output": usage.output,
        "reasoning": usage.reasoning,
    }
    lines: list[Line] = []
    for bucket, count in counts.items():
        if count < 0:
            raise UsageError(f"{count} {bucket} tokens cannot be: the counts given overlap.")
        if not count:
            continue
        rate, note = price.rate(bucket)
        if rate is None:
            return None
        lines.append(Line(bucket, count, rate.at(usage.input_total), note=note))
    if price.request is not None:
        lines.append(Line("request", 1, price.request, per=1000))
    return Cost(tuple(lines), price, usage.known)


def add(costs: Iterable[Cost]) -> Cost:
    """One cost for several calls at one price: lines of the same bucket and rate are joined.

    Raises `UsageError` when there is nothing to add.
    """
    counts: dict[Line, int] = {}
    last: Cost | None = None
    for last in costs:
        for line in last.lines:
            kind = Line(line.bucket, 0, line.rate, line.per, line.note)
            counts[kind] = counts.get(kind, 0) + line.count
    if last is None:
        raise UsageError("There are no costs to add.")
    lines = (Line(k.bucket, n, k.rate, k.per, k.note) for k, n in counts.items())
    return Cost(tuple(lines), last.price, last.known)


def _plain(amount: Decimal) -> str:
    """A decimal without exponent and without trailing zeros."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
