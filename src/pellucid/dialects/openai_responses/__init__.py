"""OpenAI's Responses API, without what it keeps: every request holds its whole conversation.

https://platform.openai.com/docs/api-reference/responses
"""

from __future__ import annotations

from ...messages import Request
from ..openai_chat.errors import decode_error, encode_error
from .decoder import Decoder, decode_reply
from .encoder import Encoder
from .incoming import NOT_STORED, decode_request
from .narrow import NAME, TRAITS, narrow
from .replies import encode_reply, narrow_events
from .requests import encode_request

__all__ = [
    "NAME",
    "NOT_STORED",
    "TRAITS",
    "Decoder",
    "Encoder",
    "decode_error",
    "decode_reply",
    "decode_request",
    "encode_error",
    "encode_reply",
    "encode_request",
    "narrow_events",
    "narrow_request",
]


def narrow_request(request: Request) -> Request:
    """What of a request the API can say. Raises `CannotExpress`."""
    return narrow(request, {})
