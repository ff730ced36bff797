"""Ollama's own API: chat. https://docs.ollama.com/api/chat"""

from __future__ import annotations

from ...messages import Request
from .decoding import Decoder, decode_reply
from .encoding import Encoder, encode_reply
from .errors import decode_error, encode_error
from .incoming import decode_request
from .narrow import NAME, narrow
from .outgoing import encode_request
from .said import narrow_events

__all__ = [
    "NAME",
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
