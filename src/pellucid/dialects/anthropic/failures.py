"""Errors of the Messages API. https://platform.claude.com/docs/en/api/errors"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..base import Failure, FailureKind
from ..failures import kind_of, page

TYPES: dict[str, tuple[int, FailureKind]] = {
    "invalid_request_error": (400, "rejected"),
    "authentication_error": (401, "key"),
    "billing_error": (402, "quota"),
    "permission_error": (403, "permission"),
    "not_found_error": (404, "not_found"),
    "request_too_large": (413, "too_large"),
    "rate_limit_error": (429, "rate_limit"),
    "api_error": (500, "server"),
    "timeout_error": (504, "server"),
    "overloaded_error": (529, "overloaded"),
}
"""The word for an error -> the status it comes with, and its kind."""
_WORDS: dict[FailureKind, str] = {kind: word for word, (_, kind) in reversed(TYPES.items())}
"""The other way; of two words for one kind the first."""


def read_error(error: Mapping[str, Any], status: int | None = None) -> Failure:
    """The failure that an `error` object tells of; in a stream there is no status beside it."""
    word = str(error.get("type") or "api_error")
    usual, kind = TYPES.get(word, (500, kind_of(status or 500)))
    details = error.get("details")
    code = details.get("error_code") if isinstance(details, dict) else None
    message = str(error.get("message") or word)
    return Failure(status or usual, kind, message, code if isinstance(code, str) else word)


def decode_error(status: int, body: bytes) -> Failure:
    """What an answer with a status of 400 or more says went wrong."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return page(status, body)
    error = value.get("error") if isinstance(value, dict) else None
    if not isinstance(error, dict) or not error.get("message"):
        return page(status, body)
    return read_error(error, status)


def encode_error(failure: Failure) -> dict[str, Any]:
    """The body of an error answer, and the data of an `error` event."""
    word = _WORDS.get(failure.kind, "api_error")
    return {"type": "error", "error": {"type": word, "message": failure.message}}
