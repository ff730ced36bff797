"""A receipt made ready for the tables, as far as that takes no look at them.

What a receipt is made of can be let go then: what is left of it is short.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import apsw

from ..errors import StoreError
from ..messages import Message
from ..prompt.values import Prompt
from ..replies import ReplyToken
from ..value import value
from .chains import Link
from .packing import squeeze
from .receipt import Receipt
from .rows import details_data, first_words, message_data, produced_data, question, setup_data


@value
class Packed:
    """`columns` are the first of the table's, `said` what was sent and answered, `dropped` what the
    memory left out; `messages` are those of both, of which the ones from `new` to `end` were new.
    The prompt and the tokens refer to what the tables hold."""

    id: str
    columns: tuple[object, ...]
    said: tuple[Link, ...]
    dropped: tuple[Link, ...]
    setup: bytes
    details: bytes
    prompt: Prompt | None
    tokens: tuple[ReplyToken, ...]
    messages: tuple[Message, ...]
    new: int
    end: int
    kind: str | None


def pack(receipt: Receipt) -> Packed:
    """Raises `StoreError` for what no file can hold, as `storable` says."""
    request, reply, dropped = receipt.request, receipt.reply, receipt.memory.dropped
    said = *request.messages, reply.message
    with storable(f"receipt {receipt.id!r}"):
        return Packed(
            receipt.id,
            (
                receipt.id,
                receipt.created,
                receipt.model,
                receipt.conversation,
                receipt.parent,
                reply.finish,
                question(request.messages),
                first_words(reply.text),
                reply.usage.input_total,
                reply.usage.output_total,
            ),
            tuple([_link(message) for message in said]),
            tuple([_link(message) for message in dropped]),
            setup_data(receipt),
            squeeze(details_data(receipt)),
            receipt.prompt,
            reply.tokens,
            said + dropped,
            receipt.replayed_messages,
            len(said),
            None if receipt.kind == "conversation" else receipt.kind,
        )


def _link(message: Message) -> Link:
    return message_data(message), produced_data(message.produced)


@contextmanager
def storable(named: str) -> Iterator[None]:
    """Raises `StoreError` where a receipt holds what no file can: a lone surrogate in its model's
    name, a setting that JSON cannot say, numbers of more than 64 bits, lists that do not match."""
    try:
        yield
    except (ValueError, OverflowError, TypeError, apsw.ConstraintError) as error:
        raise StoreError(f"The {named} cannot be stored: {error}.") from error
