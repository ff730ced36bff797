"""Anthropic's Messages API. https://platform.claude.com/docs/en/api/messages"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import BadReply
from ...messages import Request
from .decoder import Decoder, decode_reply
from .encoder import Encoder, encode_reply, narrow_events
from .failures import decode_error, encode_error
from .incoming import decode_request
from .narrow import NAME, TRAITS, narrow
from .requests import COUNT_PATH, encode_count_request, encode_request

__all__ = [
    "COUNT_PATH",
    "NAME",
    "TRAITS",
    "Decoder",
    "Encoder",
    "decode_count",
    "decode_error",
    "decode_reply",
    "decode_request",
    "encode_count",
    "encode_count_request",
    "encode_error",
    "encode_reply",
    "encode_request",
    "narrow_events",
    "narrow_request",
]


def narrow_request(request: Request) -> Request:
    """What of a request the API can say. Raises `CannotExpress`."""
    return narrow(request, frozenset(), {})


def encode_count(count: int) -> dict[str, Any]:
    """The answer to a request for a count of tokens."""
    return {"input_tokens": count}


def decode_count(body: Mapping[str, Any]) -> int:
    """Raises `BadReply`."""
    count = body.get("input_tokens")
    if not isinstance(count, int):
        raise BadReply(f"The answer holds no count of tokens: {str(dict(body))[:120]}")
    return count
