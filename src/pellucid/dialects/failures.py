"""What goes wrong at a provider: HTTP status, kind of failure, error raised here."""

from __future__ import annotations

import html
import re

from ..errors import (
    BadReply,
    NotFound,
    NotPermitted,
    Overloaded,
    ProviderError,
    QuotaExceeded,
    RateLimited,
    Rejected,
    ServerFault,
    WrongKey,
)
from .base import Failure, FailureKind

ERRORS: dict[FailureKind, type[ProviderError]] = {
    "key": WrongKey,
    "permission": NotPermitted,
    "not_found": NotFound,
    "rejected": Rejected,
    "too_large": Rejected,
    "quota": QuotaExceeded,
    "rate_limit": RateLimited,
    "overloaded": Overloaded,
    "server": ServerFault,
    "reply": BadReply,
}
KINDS: dict[int, FailureKind] = {
    401: "key",
    402: "quota",
    403: "permission",
    404: "not_found",
    413: "too_large",
    429: "rate_limit",
    502: "server",
    503: "overloaded",
    529: "overloaded",
}


def kind_of(status: int) -> FailureKind:
    """The kind of failure that a status alone tells of."""
    return KINDS.get(status, "server" if status >= 500 else "rejected")


def error_of(failure: Failure) -> ProviderError:
    """The error to raise for a failure that a provider reported."""
    return ERRORS[failure.kind](failure.message, status=failure.status, code=failure.code)


def page(status: int, body: bytes) -> Failure:
    """An answer that is not the API's own: a proxy's page, plain text, or nothing."""
    text = body[:4096].decode("utf-8", "replace")
    text = re.sub(r"(?is)<(script|style|head)\b.*?(</\1>|\Z)|<[^>]*>", " ", text)
    words = " ".join(html.unescape(text).split())[:300]
    said = f"with what is not its API: {words!r}" if words else "without a word"
    return Failure(status, kind_of(status), f"The host answered {status} {said}.")
