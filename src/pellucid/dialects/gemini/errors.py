"""Errors of the Gemini API: `google.rpc.Status` as JSON. https://google.aip.dev/193"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..base import Failure, FailureKind
from ..failures import kind_of, page

TYPES = "type.googleapis.com/google.rpc."
WORDS: dict[int, str] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
REASONS: dict[str, FailureKind] = {
    "API_KEY_INVALID": "key",
    "API_KEY_EXPIRED": "key",
    "SERVICE_DISABLED": "permission",
    "BILLING_DISABLED": "quota",
}
"""What `google.rpc.ErrorInfo` says closer than the status does."""


def decode_error(status: int, body: bytes) -> Failure:
    """What an answer with a status of 400 or more says went wrong."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return page(status, body)
    if isinstance(value, list) and len(value) == 1:  # a stream that is an array
        value = value[0]
    error = value.get("error") if isinstance(value, dict) else None
    if not isinstance(error, dict) or not isinstance(error.get("message"), str):
        return page(status, body)
    return failure_of(error, status)


def failure_of(error: Mapping[str, Any], status: int = 500) -> Failure:
    """The object under `error`; `status` is taken where it does not say its own."""
    code = error.get("code")
    status = code if isinstance(code, int) and 400 <= code < 600 else status
    word = error.get("status")
    failure = Failure(
        status,
        kind_of(status),
        str(error.get("message", "")),
        word if isinstance(word, str) else None,
    )
    details = error.get("details")
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, dict):
            failure = _closer(failure, detail)
    return failure


def _closer(failure: Failure, detail: Mapping[str, Any]) -> Failure:
    match str(detail.get("@type", "")).rpartition(".")[2]:
        case "ErrorInfo" if detail.get("reason") in REASONS:
            return replace(failure, kind=REASONS[detail["reason"]], code=detail["reason"])
        case "BadRequest":
            violations = detail.get("fieldViolations") or [{}]
            return replace(failure, field=violations[0].get("field"))
        case "RetryInfo":
            return replace(failure, retry_after=_seconds(detail.get("retryDelay")))
        case "QuotaFailure" if failure.status == 429:
            ids = [str(item.get("quotaId", "")) for item in detail.get("violations") or ()]
            # A day's quota does not come back while anyone waits; a minute's does.
            if any("PerDay" in id for id in ids):
                return replace(failure, kind="quota")
    return failure


def _seconds(delay: object) -> float | None:
    """`google.protobuf.Duration` as JSON: `34.07s`."""
    try:
        seconds = float(str(delay).removesuffix("s"))
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None


def encode_error(failure: Failure) -> dict[str, Any]:
    word = WORDS.get(failure.status, "INTERNAL" if failure.status >= 500 else "INVALID_ARGUMENT")
    error: dict[str, Any] = {"code": failure.status, "message": failure.message, "status": word}
    details: list[dict[str, Any]] = []
    if failure.field:
        violation = {"field": failure.field, "description": failure.message}
        details.append({"@type": f"{TYPES}BadRequest", "fieldViolations": [violation]})
    if failure.retry_after is not None:
        details.append({"@type": f"{TYPES}RetryInfo", "retryDelay": f"{failure.retry_after}s"})
    return {"error": {**error, "details": details} if details else error}
