"""A request of any dialect, answered by a model in the words of that dialect."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import replace
from functools import partial

from ..calls import Call
from ..dialects.base import Dialect, Extra, Head, Incoming, ReplyEncoder
from ..errors import BadRequest, PellucidError
from ..messages import Request
from ..models.base import Model, Stopped, never, prepare_steered
from ..models.hosted import HostedModel
from ..prompt.budget import require_fit
from ..prompt.values import Prompt
from ..record.receipt import Receipt, Timings
from ..replies import Event, Finish, Notice, Reply, Sent, TextDelta
from .conversations import Place
from .failures import failure_of, own_fault
from .feed import Feed
from .http_response import Response
from .stream_writer import EVENTS, StreamWriter
from .visit import Visit, answer

LINES = "application/x-ndjson"

Preparing = Callable[[Model, Request, Stopped], tuple[Request, Prompt | None]]
"""What is sent, and its prompt; in a thread, where it may take its time."""


def checked(
    model: Model, request: Request, stopped: Stopped = never
) -> tuple[Request, Prompt | None]:
    """The model's own prompt, a small model helped with its tools. Raises `PromptTooLong`."""
    request, prompt = prepare_steered(model, request, stopped)
    if prompt is not None and model.window is not None:
        require_fit(prompt, model.window, request.options.max_tokens)
    return request, prompt


class Answering:
    """One call on behalf of a visit. An async context manager: leaving it ends the call."""

    def __init__(
        self,
        visit: Visit,
        request: Request,
        model: str,
        notes: tuple[str, ...] = (),
        prepare: Preparing = checked,
    ) -> None:
        self.visit = visit
        self.model = model
        self.request = request
        self.receipt: Receipt | None = None
        self.id = ""
        self.extra: Extra | None = None
        """What a host that speaks the caller's own dialect is sent as it was written."""
        self.store = True
        """Whether the caller may find the answer again, where his API has that."""
        self.stream = False
        """Whether the caller wants the answer in pieces, and so has a host give it in pieces."""
        self._notes = notes
        self._prepare = prepare
        self._batches: AsyncGenerator[list[Event], None] | None = None
        self._complete: Callable[[], Awaitable[None]] | None = None
        self._leave: Callable[[], None]
        self._place: Place

    async def __aenter__(self) -> Answering:
        """Waits for the model's slot. Raises `UnknownModel` and the like, and `Refused`."""
        server = self.visit.server
        model = await self.visit.model(self.model)
        slot = await server.gate(model).enter(self.visit.client)
        try:
            if isinstance(model, HostedModel):
                place = server.conversations.place(self.request)
                call = self._call(model, place, place.request, None)
                steps = model.steps(place.request, self.extra, self.stream)
                self._leave = slot.give_back
                if self.stream:
                    self._batches = call.receive(server.client.stream(steps))
                else:
                    self._complete = partial(call.complete, partial(server.client.run, steps))
            else:
                feed = Feed(slot.give_back)
                self._batches, self._leave = feed.batches(), feed.close
                reading = feed.read_in(server.threads, lambda gone: self._call_here(model, gone))
                server.feeds[reading] = feed
                reading.add_done_callback(server.feeds.pop)
        except BaseException:
            slot.give_back()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._batches is not None:
            await self._batches.aclose()
        self._complete = None  # it leads back here, and would be let go late
        self._leave()

    @property
    def receipt_header(self) -> dict[str, str]:
        """Where the receipt is found, if one is kept."""
        return self.visit.receipt_header(self.id)

    def batches(self) -> AsyncIterator[list[Event]]:
        """The events of an answer in pieces, as they come."""
        assert self._batches is not None
        return self._batches

    async def reply(self) -> Reply:
        """All of it. Raises `PellucidError` where there is none."""
        if self._complete is not None:
            await self._complete()
        else:
            async for _ in self.batches():
                pass
        assert self.receipt is not None
        return self._shown(self.receipt.reply)

    def shown(self, event: Event) -> Event:
        """An event as it was asked for: tokens are kept for the receipt, and said on request."""
        if self.request.options.alternatives is None:
            if type(event) is TextDelta and event.tokens:
                return TextDelta(event.text, (), event.signature)
            if type(event) is Finish and event.tokens:
                return replace(event, tokens=())
        return event

    def _shown(self, reply: Reply) -> Reply:
        if self.request.options.alternatives is None and reply.tokens:
            return replace(reply, tokens=())
        return reply

    def _call_here(self, model: Model, stopped: Stopped) -> Call:
        """The call of a model on this machine, its prompt made; in a thread."""
        options = model.settle(self.request.options)
        place = self.visit.server.conversations.place(replace(self.request, options=options))
        call = self._call(model, place, *self._prepare(model, place.request, stopped))
        self.visit.receipt = call.id  # kept by this thread, maybe later than its client is answered
        return call

    def _call(self, model: Model, place: Place, request: Request, prompt: Prompt | None) -> Call:
        self._place = place
        call = Call(
            model,
            request,
            prompt,
            conversation=place.conversation,
            parent=place.parent,
            replayed=place.replayed,
            app=self.visit.app,
            notes=self._left_out(model),
            keep=self._keep,
        )
        self.id = call.id
        return call

    def _left_out(self, model: Model) -> tuple[str, ...]:
        """What of the request means nothing here, and was not sent on as it was written either."""
        extra = self.extra
        if extra is None or not (isinstance(model, HostedModel) and model.understands(extra)):
            return self._notes
        return tuple(note for note in self._notes if note not in extra.notes)

    def _keep(self, receipt: Receipt) -> None:
        self.receipt = receipt
        server = self.visit.server
        if receipt.reply.complete:
            server.conversations.remember(self._place, receipt)
        self.visit.keep(receipt)


def head(answering: Answering, prefix: str, include_usage: bool = True) -> Head:
    stored = answering.store and bool(answering.receipt_header)
    timings = answering.receipt.timings if answering.receipt else Timings()
    rates = timings.reading, timings.writing
    id = f"{prefix}{answering.id}"
    return Head(id, answering.model, int(time.time()), include_usage, stored, *rates)


async def respond(
    visit: Visit,
    incoming: Incoming,
    dialect: Dialect,
    prefix: str = "",
    media: str = EVENTS,
    encoder: Callable[[Head], ReplyEncoder] | None = None,
    prepare: Preparing = checked,
) -> Response | None:
    """The answer to a request that was read: whole, or as a stream."""
    if not incoming.request.messages and incoming.raw is None:
        raise BadRequest("There is no message to answer.", "messages")
    answering = Answering(visit, incoming.request, incoming.model, incoming.notes, prepare)
    answering.extra, answering.stream = incoming.extra, incoming.stream
    answering.store = incoming.store
    async with answering:
        if not incoming.stream:
            reply = await answering.reply()
            body = dialect.encode_reply(reply, head(answering, prefix))
            return answer(body, headers=answering.receipt_header)
        make = encoder or dialect.Encoder
        return await stream(
            answering, lambda: make(head(answering, prefix, incoming.include_usage)), media
        )


async def stream(
    answering: Answering, encoder: Callable[[], ReplyEncoder], media: str
) -> Response | None:
    """Events as they come. What goes wrong before anything was sent is an error of its own; what
    breaks later ends the stream as the dialect's error, never as a normal end."""
    batches, request = answering.batches(), answering.visit.request
    writer = StreamWriter(answering, encoder, media)
    try:
        first = await anext(batches)
        while all(isinstance(event, Sent | Notice) for event in first):
            first += await anext(batches)
        await writer.write(first)
        async for batch in batches:
            await writer.write(batch)
        await writer.end()
    except PellucidError as error:
        if not request.answered:
            raise
        await writer.fail(failure_of(error))
    except asyncio.CancelledError:
        failure = answering.visit.server.given_up() if request.answered else None
        if failure is None:
            raise
        await writer.fail(failure)
    except ConnectionError:
        raise
    except Exception:
        if not request.answered:
            raise
        await writer.fail(own_fault())
    finally:
        writer.close()
    return None
