"""Ollama's own API: `POST /api/generate`, one question and its answer.

https://docs.ollama.com/api/generate
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import BadRequest, CannotExpress
from ...messages import Media, Message, Part, Request, Text
from ...replies import Event, Reply
from .. import fields
from ..base import Head, Incoming, Outgoing
from ..json_text import drop_none
from ..narrowing import Notes, note_unread
from . import decoding, encoding
from .errors import decode_error, encode_error
from .incoming import COMMON, read_format, read_images, read_options, streams
from .narrow import narrow
from .outgoing import common_fields, image_text
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

NAME = "ollama-generate"
API = "Ollama's /api/generate"
REFUSED = {
    "context": "it holds the ids of an earlier call, which are not kept here: send the messages "
    "to /api/chat",
    "suffix": "what stands between a prompt and a suffix cannot be filled in here",
    "template": "the model's own template is used here; with raw, the prompt is taken as it is",
}
"""Fields that change what the prompt is, so that leaving one out would answer another question."""


def narrow_request(request: Request) -> Request:
    """What of a request the API can say. Raises `CannotExpress`."""
    return _narrow(request, {})


def _narrow(request: Request, notes: Notes) -> Request:
    request = narrow(request, notes)
    roles = [message.role for message in request.messages]
    if roles not in (["user"], ["system", "user"]):
        raise CannotExpress("a conversation of several turns", API, "Use /api/chat.")
    if request.tools:
        raise CannotExpress("tools", API, "Use /api/chat.")
    return request


def encode_request(
    request: Request, model: str, *, stream: bool, traits: frozenset[str] = frozenset()
) -> Outgoing:
    """The body for `POST /api/generate`. Raises `CannotExpress`."""
    notes: Notes = {}
    request = _narrow(request, notes)
    images = [part for part in request.messages[-1].parts if isinstance(part, Media)]
    body = {
        "prompt": request.messages[-1].text,
        "system": request.messages[0].text if len(request.messages) == 2 else None,
        "images": [image_text(image) for image in images] or None,
        **common_fields(request, stream),
    }
    return Outgoing("api/generate", {"model": model, **drop_none(body)}, tuple(notes))


def decode_request(body: Mapping[str, Any], path: str = "") -> Incoming:
    """Raises `BadRequest` naming the field.

    Without a prompt, the caller wants the model loaded, or unloaded where `keep_alive` is 0.
    """
    notes: Notes = {}
    for name, why in REFUSED.items():
        if body.get(name):
            raise BadRequest(f"{name} cannot be taken: {why}.", name)
    note_unread(body, (*COMMON, *REFUSED, "prompt", "system", "images", "raw"), notes)
    prompt = fields.take(body, "prompt", str) or ""
    system = fields.take(body, "system", str) or ""
    images = read_images(body, "")
    raw = prompt if fields.take(body, "raw", bool) else None
    if raw is not None and (system or images):
        raise BadRequest("A raw prompt takes neither system nor images beside it.", "raw")
    asked: list[Part] = [*([Text(prompt)] if prompt else []), *images]
    messages = []
    if asked and raw is None:
        if system:
            messages.append(Message("system", (Text(system),)))
        messages.append(Message("user", tuple(asked)))
    request = Request(
        tuple(messages), options=read_options(body, notes), response_format=read_format(body)
    )
    model = fields.need(body, "model", str)
    return Incoming(request, model, streams(body), tuple(notes), raw=raw)


class _Reader(decoding.LineReader):
    text = "response"

    @staticmethod
    def message(line: Mapping[str, Any]) -> Mapping[str, Any]:
        return line


class _Writer(encoding.LineWriter):
    text = "response"

    def message(self, fields: dict[str, Any]) -> dict[str, Any]:
        return fields


class Decoder(decoding.Decoder):
    """Reads a streamed reply."""

    def __init__(self) -> None:
        super().__init__(_Reader())


def decode_reply(body: Mapping[str, Any]) -> list[Event]:
    """The events of a reply that came whole, `Finish` last. Raises `BadReply`."""
    return decoding.read_whole(_Reader(), body)


class Encoder(encoding.Encoder):
    """Writes a streamed reply."""

    def __init__(self, head: Head) -> None:
        super().__init__(head, _Writer)


def encode_reply(reply: Reply, head: Head) -> dict[str, Any]:
    """All of a reply in one object."""
    return encoding.write_whole(_Writer(head), reply)
