"""Errors as OpenAI's APIs write them, and as the hosts that speak them do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..base import Failure, FailureKind
from ..failures import kind_of, page

CODES: dict[str, FailureKind] = {
    "invalid_api_key": "key",
    "authentication_error": "key",
    "permission_error": "permission",
    "model_not_found": "not_found",
    "not_found_error": "not_found",
    "context_length_exceeded": "too_large",
    "exceed_context_size_error": "too_large",
    "insufficient_quota": "quota",
    "rate_limit_exceeded": "rate_limit",
    "rate_limit_error": "rate_limit",
    "tokens": "rate_limit",
    "requests": "rate_limit",
    "overloaded_error": "overloaded",
    "unavailable_error": "overloaded",
    "engine_overloaded": "overloaded",
    "server_error": "server",
    "internal_server_error": "server",
    "invalid_request_error": "rejected",
}
"""What a host's `code` or `type` says went wrong."""

TYPES: dict[FailureKind, tuple[str, str | None]] = {
    "key": ("invalid_request_error", "invalid_api_key"),
    "permission": ("permission_error", None),
    "not_found": ("invalid_request_error", None),
    "rejected": ("invalid_request_error", None),
    "too_large": ("invalid_request_error", "context_length_exceeded"),
    "quota": ("insufficient_quota", "insufficient_quota"),
    "rate_limit": ("requests", "rate_limit_exceeded"),
    "overloaded": ("overloaded_error", "engine_overloaded"),
    "server": ("server_error", None),
    "reply": ("server_error", None),
}
"""The `type` and `code` that tell of each kind."""


def decode_error(status: int, body: bytes) -> Failure:
    """What an answer with a status of 400 or more says went wrong."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return page(status, body)
    if isinstance(value, list) and value:  # Gemini's compatible address wraps it
        value = value[0]
    failure = read_error(value, status) if isinstance(value, dict) else None
    return failure or page(status, body)


def read_error(body: Mapping[str, Any], status: int) -> Failure | None:
    """The error that an object reports; `None` when it reports none.

    `status` is that of the answer. An error inside a stream may bring one of its own, as a number
    in its `code`.
    """
    error = body.get("error") or (body if body.get("object") == "error" else None)
    if error is None and status >= 400:
        error = body.get("detail") or body.get("message")
    if not error:
        return None
    if not isinstance(error, dict):
        text = error if isinstance(error, str) else json.dumps(error)
        return Failure(status, kind_of(status), text)
    message = error.get("message") or json.dumps(error)
    code, kind, field = error.get("code"), error.get("type"), error.get("param")
    if isinstance(code, int) and 400 <= code < 600:
        status = code
    words = [word for word in (code, kind) if isinstance(word, str) and word]
    known = next((CODES[word] for word in words if word in CODES), None)
    return Failure(
        status if status >= 400 else 500,
        _kind(known, status),
        message if isinstance(message, str) else json.dumps(message),
        str(code) if code is not None else next(iter(words), None),
        field if isinstance(field, str) else None,
    )


def _kind(known: FailureKind | None, status: int) -> FailureKind:
    """A word that says little gives way to a status that says more."""
    if known is None or (known == "rejected" and status >= 400):
        return kind_of(status) if status >= 400 else "server"
    return known


def encode_error(failure: Failure) -> dict[str, Any]:
    kind, code = TYPES[failure.kind]
    if failure.kind == "not_found" and failure.field == "model":
        code = "model_not_found"
    if failure.status == 413:  # a body that is too long; programs shorten a chat for that code
        code = None
    return {
        "error": {
            "message": failure.message,
            "type": kind,
            "param": failure.field,
            "code": failure.code or code,
        }
    }
