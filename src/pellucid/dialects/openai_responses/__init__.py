"""OpenAI's Responses API, without what it keeps: every request holds its whole conversation.

https://platform.openai.com/docs/api-reference/responses
"""

from __future__ import annotations

from ...messages import Request
from .incoming import decode_request
from .narrow import NAME, narrow
from .requests import encode_request

__all__ = ["NAME", "decode_request", "encode_request", "narrow_request"]


def narrow_request(request: Request) -> Request:
    """What of a request the API can say. Raises `CannotExpress`."""
    return narrow(request, {})
