"""Google's Gemini API. https://ai.google.dev/api/generate-content"""

from __future__ import annotations

from ...messages import Request
from .decoding import Decoder, decode_reply
from .encoding import ArrayEncoder, Encoder, encode_reply
from .errors import decode_error, encode_error
from .incoming import decode_request, read_path
from .narrow import NAME, narrow
from .outgoing import encode_count_request, encode_request
from .said import narrow_events

__all__ = [
    "NAME",
    "ArrayEncoder",
    "Decoder",
    "Encoder",
    "decode_error",
    "decode_reply",
    "decode_request",
    "encode_count_request",
    "encode_error",
    "encode_reply",
    "encode_request",
    "narrow_events",
    "narrow_request",
    "read_path",
]


def narrow_request(request: Request) -> Request:
    """What of a request the API can say. Raises `CannotExpress`."""
    return narrow(request, frozenset(), {})
