"""OpenAI's Chat Completions API and the many hosts that speak it.

https://platform.openai.com/docs/api-reference/chat
"""

from .errors import decode_error, encode_error
from .incoming import decode_request
from .narrow import NAME, TRAITS, narrow_request
from .outgoing import encode_request
from .replies import decode_reply, encode_reply, narrow_events
from .streams import Decoder, Encoder

__all__ = [
    "NAME",
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
