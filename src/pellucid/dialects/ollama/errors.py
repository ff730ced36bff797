"""Errors of Ollama's API: a sentence. https://docs.ollama.com/api/errors"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..base import Failure
from ..failures import kind_of, page


def decode_error(status: int, body: bytes) -> Failure:
    """What an answer with a status of 400 or more says went wrong."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return page(status, body)
    if not isinstance(value, dict) or not isinstance(value.get("error"), str):
        return page(status, body)
    return Failure(status, kind_of(status), value["error"])


def failure_of(line: Mapping[str, Any]) -> Failure:
    """What a line of a stream that has begun says went wrong."""
    status = line.get("status")
    status = status if isinstance(status, int) and status >= 400 else 500
    return Failure(status, kind_of(status), str(line["error"]))


def encode_error(failure: Failure) -> dict[str, Any]:
    return {"error": failure.message}
