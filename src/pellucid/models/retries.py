"""Whether a call that failed is made again, and when."""

from __future__ import annotations

from datetime import UTC, datetime

from ..errors import ProviderError, QuotaExceeded, Stalled

RETRIES = 2
STATUSES = frozenset((429, 500, 502, 503, 504, 529))
CODES = frozenset(("refused", "reset", "timeout"))
"""Codes of `Unreachable` that may pass. A name that does not exist, a bad certificate do not."""
LONGEST = 120.0
"""Seconds. A host that asks for a longer wait is not waited for."""
FIRST_WAIT = 0.5


def wait(error: ProviderError, made: int, asked: float | None, chance: float) -> float | None:
    """Seconds until the next attempt after `made` retries; `None`: there is none.

    `asked` is what the host asked for, `chance` between 0 and 1 spreads callers apart.
    """
    passing = error.status in STATUSES or error.code in CODES or isinstance(error, Stalled)
    if not passing or isinstance(error, QuotaExceeded) or made >= RETRIES:
        return None
    if asked is not None:
        return asked if asked <= LONGEST else None
    return FIRST_WAIT * (1 << made) * (1 + chance / 4)


def retry_after(headers: dict[str, str], now: float) -> float | None:
    """Seconds that a host asks to be left alone: a number or a date. `None`: it does not say.

    https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
        try:
            seconds = float(headers.get(name, "")) / unit
        except ValueError:
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    from email.utils import parsedate_to_datetime

    try:
        date = parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.fromtimestamp(now, UTC)).total_seconds())
