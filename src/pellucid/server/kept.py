"""The receipt of a call that is no conversation: vectors, pictures, speech, transcriptions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from .. import __version__
from ..dialects.base import Outgoing
from ..dialects.json_text import drop_none
from ..dialects.openai_responses.finish import read_usage
from ..errors import BadReply, PellucidError
from ..messages import Message, Part, Request, Text
from ..models.asking import Answered, aask
from ..models.hosted import HostedModel
from ..record.ids import new_id
from ..record.receipt import Kind, Receipt, Timings
from ..replies import Event, Exchange, FinishReason, Notice, Reply, Sent, Usage
from .visit import Visit

WIRE = 1 << 16
"""Bytes of what went over the wire that are kept, each way: vectors and pictures come in millions,
and the texts and small sounds that were sent are kept as the message."""


class Kept:
    """One call for a visit, begun when all that can be refused beforehand was. A context manager:
    however its block is left, a receipt is kept, if one is wanted; its id is known before.

    `parts` are what the model, or the part of this machine called so, is given; `settings` how it
    is to work. What came of it is told on the way: `text`, `usage`, and in `made`, beside text, how
    much of what.
    """

    def __init__(
        self,
        visit: Visit,
        kind: Kind,
        model: HostedModel | str,
        *parts: Part,
        notes: Iterable[str] = (),
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.text = self.made = ""
        self.usage = Usage(known="estimated")
        self._visit = visit
        self._kind = kind
        self._model = model
        self._request = Request((Message("user", parts),))
        self._notes = list(notes)
        self._settings = drop_none(settings or {})
        self._exchange: Exchange | None = None
        self._created = time.time()
        self._id = new_id(self._created)

    @property
    def receipt_header(self) -> dict[str, str]:
        return self._visit.receipt_header(self._id)

    def note(self, sentence: str) -> None:
        self._notes.append(sentence)

    async def ask(self, outgoing: Outgoing) -> Answered:
        """What the host answers. Raises `ProviderError`."""
        model = self._model
        assert isinstance(model, HostedModel)
        client, name = self._visit.server.client, model.target.model
        return await aask(model.endpoint, name, outgoing, client, self._watch)

    def _watch(self, event: Event) -> None:
        """What is said to a host."""
        match event:
            case Sent(exchange):
                self._exchange = exchange
            case Notice(text):
                self.note(text)

    def __enter__(self) -> Self:
        self._start = time.perf_counter()
        return self

    def __exit__(
        self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None
    ) -> None:
        total = time.perf_counter() - self._start
        self._visit.keep(self._receipt(self._reply(error), total))

    def _reply(self, error: BaseException | None) -> Reply:
        finish, said = _end(error)
        said_back = (Text(self.text),) if self.text else ()
        made = (f"{self.made}.",) if self.made else ()
        return Reply(Message("assistant", said_back), finish, self.usage, error=said, notices=made)

    def _receipt(self, reply: Reply, seconds: float) -> Receipt:
        exchange = self._wire()
        hosted = self._model if isinstance(self._model, HostedModel) else None
        return Receipt(
            id=self._id,
            created=self._created,
            model=hosted.name if hosted else str(self._model),
            conversation=self._id,
            request=self._request,
            prompt=None,
            reply=reply,
            timings=Timings(total=seconds),
            app=self._visit.app,
            versions={"pellucid": __version__},
            settings={**(hosted.settings() if hosted else {}), **self._settings},
            notes=tuple(self._notes),
            exchange=exchange,
            kind=self._kind,
        )

    def _wire(self) -> Exchange | None:
        """What went over it, as far as it is kept."""
        whole = self._exchange
        if whole is None:
            return None
        for data, way in ((whole.sent, "were sent"), (whole.received, "came back")):
            if len(data) > WIRE:
                self.note(f"Of the {len(data):,} bytes that {way} the first {WIRE:,} are kept.")
        return replace(whole, sent=whole.sent[:WIRE], received=whole.received[:WIRE])


def _end(error: BaseException | None) -> tuple[FinishReason, str | None]:
    """How a call ended, and why it did not end well."""
    match error:
        case None:
            return "stop", None
        case asyncio.CancelledError() | ConnectionError():  # the client left, or its time was up
            return "cut", "It was interrupted before it was done."
        case PellucidError():
            return "error", str(error)
        case _:
            return "error", f"{type(error).__name__}: {error}"


def reported(body: Mapping[str, Any]) -> Usage:
    """The tokens that pictures or a transcription took, where OpenAI's API tells of tokens."""
    usage = body.get("usage")
    if isinstance(usage, dict) and "input_tokens" in usage:
        with suppress(BadReply):
            return read_usage(usage)
    return Usage(known="estimated")


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
