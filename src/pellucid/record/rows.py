"""A receipt as what the tables hold, and back.

What calls share is kept once, under the hash of its content: messages, blocks of prompts, and the
`setup` (tools, options, settings, versions) that mostly stays the same through a conversation. The
rest is the receipt's own: a few columns to list and filter by, its `details` and its tokens.

Receipts stay as they were written: a key that is added later is missing in older ones and needs a
default when it is read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from ..messages import (
    Message,
    Options,
    Produced,
    Request,
    ResponseFormat,
    Role,
    Text,
    ToolSpec,
    text_message,
)
from ..prompt.values import Prompt
from ..replies import Exchange, FinishReason, Reply, Usage
from ..value import value
from .blocks import read_blocks, read_reply
from .codec import decode, dumps, encode, write
from .packing import Packer, Unpacker
from .receipt import Kind, Memory, Receipt, Timings

Pairs = tuple[tuple[str, Any], ...]
SETUP = (
    *("options", "tools", "generation_prompt", "response_format", "tool_choice"),
    *("parallel_tools", "window", "app", "memory", "kind"),
)
"""What the calls of a conversation share, beside the settings and the versions."""
WORDS = 80
"""Characters of the question and of the answer that a summary shows."""
SHORT = 2048
"""Characters of a message of which so little is remembered that many can be."""


def message_data(message: Message) -> bytes:
    """A message without its produced ids, which another receipt of it may lack."""
    match message.parts:
        case (Text(text, None, None),) if len(text) <= SHORT:  # as in most
            return _said(message.role, text)
    return _written(message)


@lru_cache(2048)  # clients send all that was said before with each of their calls
def _said(role: Role, text: str) -> bytes:
    return _written(text_message(role, text))


def _written(message: Message) -> bytes:
    return write({"role": message.role, "parts": message.parts}).encode()


def produced_data(produced: Produced | None) -> bytes | None:
    if produced is None:
        return None
    packer = Packer()
    packer.blob(produced.vocabulary.encode("utf-8", "surrogatepass"))
    packer.ints(produced.ids)
    return packer.packed()


def read_message(data: bytes, produced: bytes | None) -> Message:
    message: Message = decode(Message, json.loads(data), "message")
    if produced is None:
        return message
    unpacker = Unpacker(produced)
    vocabulary = unpacker.blob().decode("utf-8", "surrogatepass")
    return Message(message.role, message.parts, Produced(tuple(unpacker.ints()), vocabulary))


def searchable(message: Message) -> str:
    """What a search looks through: everything in a message that was written as text."""
    names = ("text", "source", "name", "arguments")
    return "\n".join(getattr(part, name, None) or "" for part in message.parts for name in names)


def setup_data(receipt: Receipt) -> bytes:
    request = receipt.request
    given = (
        request.options,
        request.tools,
        request.generation_prompt,
        request.response_format,
        request.tool_choice,
        request.parallel_tools,
        *(receipt.window, receipt.app, receipt.memory.policy, receipt.kind),
    )
    plain = tuple(receipt.settings.items()), tuple(receipt.versions.items())
    try:
        return _known_setup(given, *plain)
    except TypeError:  # schemas of tools, settings that hold lists: nothing to look up by
        return _setup(given, *plain)


def _setup(given: tuple[Any, ...], settings: Pairs, versions: Pairs) -> bytes:
    setup = dict(zip(SETUP, given, strict=True))
    whole = {**setup, "settings": dict(settings), "versions": dict(versions)}
    return dumps(encode(whole)).encode()


_known_setup = lru_cache(256)(_setup)


def details_data(receipt: Receipt) -> bytes:
    prompt, reply = receipt.prompt, receipt.reply
    details = {
        "timings": receipt.timings,
        "notes": receipt.notes,
        "replayed_messages": receipt.replayed_messages,
        "usage": reply.usage,
        "reply": {
            "error": reply.error,
            "detail": reply.detail,
            "notices": reply.notices,
            "id": reply.id,
            "model": reply.model,
        },
        "exchange": receipt.exchange,
        "prompt": None if prompt is None else _prompt_details(prompt, receipt.request),
    }
    return write(details).encode()


def _prompt_details(prompt: Prompt, request: Request) -> dict[str, Any]:
    roles = tuple(message.role for message in request.messages)
    return {
        "roles": None if prompt.roles == roles else prompt.roles,
        "exact": prompt.exact,
        "notes": prompt.notes,
        "replayed": prompt.replayed,
    }


@value
class Stored:
    """Everything the tables hold of one receipt, fetched and uncompressed."""

    id: str
    created: float
    model: str
    conversation: str
    parent: str | None
    finish: str
    setup: bytes
    details: bytes
    messages: tuple[Message, ...]
    reply: Message
    dropped: tuple[Message, ...]
    vocabulary: str
    blocks: tuple[bytes, ...]
    tokens: bytes


def receipt(stored: Stored, pieces: Mapping[int, bytes]) -> Receipt:
    """The receipt, equal to the one that was added up to the precision of log-probabilities."""
    setup, details = json.loads(stored.setup), json.loads(stored.details)
    request = Request(
        stored.messages,
        decode(tuple[ToolSpec, ...], setup["tools"], "tools"),
        decode(Options, setup["options"], "options"),
        setup["generation_prompt"],
        decode(ResponseFormat | None, setup.get("response_format"), "response_format"),
        setup.get("tool_choice", "auto"),
        setup.get("parallel_tools"),
    )
    told = details.get("reply", {"error": details.get("error")})
    reply = Reply(
        stored.reply,
        decode(FinishReason, stored.finish, "finish"),
        decode(Usage, details["usage"], "usage"),
        read_reply(stored.tokens, pieces),
        **{**told, "notices": tuple(told.get("notices", ()))},
    )
    return Receipt(
        id=stored.id,
        created=stored.created,
        model=stored.model,
        conversation=stored.conversation,
        request=request,
        prompt=_prompt(stored, details["prompt"], pieces),
        reply=reply,
        timings=decode(Timings, details["timings"], "timings"),
        memory=Memory(setup["memory"], stored.dropped),
        window=setup["window"],
        parent=stored.parent,
        app=setup["app"],
        versions=setup["versions"],
        settings=setup["settings"],
        notes=tuple(details["notes"]),
        replayed_messages=details["replayed_messages"],
        exchange=decode(Exchange | None, details.get("exchange"), "exchange"),
        kind=kind_of(setup),
    )


def kind_of(setup: Mapping[str, Any]) -> Kind:
    """What a receipt with this setup is of."""
    kind: Kind = decode(Kind, setup.get("kind", "conversation"), "kind")
    return kind


def _prompt(
    stored: Stored, details: dict[str, Any] | None, pieces: Mapping[int, bytes]
) -> Prompt | None:
    if details is None:
        return None
    found = read_blocks(stored.blocks, pieces, stored.vocabulary)
    roles = details["roles"]
    return Prompt(
        found.encoding,
        found.spans,
        found.origins,
        tuple(message.role for message in stored.messages) if roles is None else tuple(roles),
        details["exact"],
        tuple(details["notes"]),
        details["replayed"],
    )


def first_words(text: str) -> str:
    """The start of a text on one line, as a summary shows it."""
    # What a file cannot hold (lone surrogates) becomes a question mark: this is only for show.
    plain = text[: WORDS * 8].encode("utf-8", "replace").decode()
    line = " ".join(plain.split())
    return line if len(line) <= WORDS else f"{line[: WORDS - 1]}…"


def question(messages: Sequence[Message]) -> str:
    """What was asked: the newest message of the user, or else the newest of all."""
    asked = [message for message in messages if message.role == "user"] or messages
    if not asked:
        return ""
    texts = [part.text for part in asked[-1].parts if isinstance(part, Text)]
    return first_words(" ".join(texts) if len(texts) > 1 else asked[-1].text)
