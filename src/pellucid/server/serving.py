"""The server: every request passes the same check, finds its route, and is answered."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from typing import Any, Self

from ..dialects.base import Failure
from ..errors import PellucidError, UsageError
from ..models.base import Model
from ..models.hosted import HostedModel
from ..models.http import Timeouts
from ..models.http_async import AsyncClient
from ..models.outbox import Outbox
from ..record.store import Store
from ..settings import Settings
from . import admission, openai, routes
from .conversations import Conversations
from .failures import BUSY, Refused, failure_of, own_fault
from .feed import Feed
from .front import Front
from .gate import Gate
from .http_request import HttpRequest
from .http_response import Response
from .limits import Limits
from .models import Models
from .recorder import Recorder
from .threads import Threads, in_thread
from .visit import Face, Visit, answer

TICK = 1.0
"""Seconds between two looks at what takes too long."""
GATES = 1024
"""Queues that are kept, those of models that nobody uses included."""
THREADS = 64
"""Calls of models on this machine at a time, over all models."""
ENDING = 1.0
"""Seconds in which what the stopping server ends may say so, and have its receipt kept."""
STOPS = Failure(BUSY, "overloaded", "The server stops; ask again later.")


class Server:
    """Answers at the addresses it is bound to; an async context manager.

    `token` is wanted of every request, where there is one; with `own_keys` a program of this
    machine may show a key of its own instead. `store` is where receipts go, `app` what they call
    the client, where there is but one.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        models: Models | None = None,
        token: str | None = None,
        store: Store | None = None,
        limits: Limits | None = None,
        app: str | None = None,
        own_keys: bool = False,
    ) -> None:
        self.settings = settings
        self.models = models or Models(settings)
        self.limits = limits or Limits()
        self.conversations = Conversations()
        self.recorder = Recorder(store) if store else None
        self._outbox = Outbox()
        self.client = AsyncClient(
            Timeouts.of(settings), offline=settings.offline, outbox=self._outbox
        )
        self.threads = Threads(THREADS, "call")
        self.feeds: dict[asyncio.Future[None], Feed] = {}
        """Calls that threads read, also those that nobody waits for any more."""
        self.app = app
        self.stopping = False
        self.refusal = ""
        """What the last request was told that no model was asked for."""
        self._token = token
        self._own_keys = own_keys
        self._gates: dict[str, Gate] = {}
        self._visits: dict[asyncio.Task[object], float] = {}
        """What is being answered, each with the time at which it is given up."""
        self._late: set[asyncio.Task[object]] = set()
        self._front: Front | None = None

    async def __aenter__(self) -> Self:
        await self.client.__aenter__()
        self._front = Front(self._handle, _malformed, self.limits, self._outbox)
        self._watch()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Takes nothing new, lets answers end for a while, then ends them as errors."""
        assert self._front is not None
        self._front.stop_listening()
        if self._visits:
            await asyncio.wait(self._visits, timeout=self.limits.grace)
        self.stopping = True
        for task in tuple(self._visits):
            task.cancel()
        for feed in self.feeds.values():  # a visit whose client does not read is late to do it
            feed.close()
        # The receipts of these calls come from their threads, and were named to the clients.
        ending: set[asyncio.Future[Any]] = {*self._visits, *self.feeds}
        if ending:
            await asyncio.wait(ending, timeout=ENDING)
        for feed in self.feeds.values():  # of models that say nothing, not even that they leave off
            feed.abandon()
        self._watching.cancel()
        await self._front.close()
        await self.client.__aexit__()
        self.threads.shutdown()
        if self.recorder is not None:
            await in_thread(self.recorder.close)

    async def listen(self, host: str, port: int) -> int:
        """Accept connections at an address too; the port, chosen where it is 0.

        Raises `UsageError` for an address that needs a token, or cannot be had.
        """
        admission.require_token(host, self._token)
        assert self._front is not None
        try:
            listener = socket.create_server(
                (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET
            )
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", None) or error
            raise UsageError(
                f"{host}:{port} cannot be listened at: {why}. `--port` names another port."
            ) from error
        await self._front.listen(listener)
        return int(listener.getsockname()[1])

    def gate(self, model: Model) -> Gate:
        """The queue in front of a model."""
        if model.name not in self._gates:
            if len(self._gates) >= GATES:  # hosts have any number of names
                self._gates = {name: gate for name, gate in self._gates.items() if gate.busy}
            limits = self.limits
            slots = limits.hosted if isinstance(model, HostedModel) else limits.local
            self._gates[model.name] = Gate(slots, limits.waiting)
        return self._gates[model.name]

    def part(self, name: str) -> Gate:
        """The queue in front of a part of this machine that does one thing at a time."""
        return self._gates.setdefault(name, Gate(1, self.limits.waiting))

    @property
    def busy(self) -> Mapping[str, tuple[int, int]]:
        """Calls by model: how many run, how many wait."""
        return {
            name: (gate.slots - gate.free, gate.waiting)
            for name, gate in self._gates.items()
            if gate.busy
        }

    def _watch(self) -> None:
        """End the visits whose time is up. One timer for all: one for each costs as much as reading
        its request."""
        loop = asyncio.get_running_loop()
        for task, end in self._visits.items():
            if end < loop.time() and task not in self._late:
                self._late.add(task)
                task.cancel()
        self._watching = loop.call_later(min(TICK, self.limits.call / 4), self._watch)

    async def _handle(self, request: HttpRequest) -> Response | None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None
        self._visits[task] = loop.time() + self.limits.call
        try:
            return await self._admit(request)
        finally:
            del self._visits[task]
            self._late.discard(task)

    def given_up(self) -> Failure | None:
        """Why what this task answers was cancelled; `None`: its client left."""
        task = asyncio.current_task()
        if task is not None and task in self._late:
            task.uncancel()
            said = f"The answer took longer than {self.limits.call:g} seconds."
            return Failure(504, "server", said)
        return STOPS if self.stopping else None

    async def _admit(self, request: HttpRequest) -> Response | None:
        path, query, headers = request.raw_path, request.query, request.headers
        face = routes.face(request.method, path, headers)
        shown = tuple(admission.credentials(headers, query))
        wanted = None if self._own_keys and shown else self._token
        failure = admission.refusal(headers.all("host"), headers, shown, wanted)
        if failure is not None:
            return _error(face, failure)
        found = routes.find(request.method, path)
        if isinstance(found, Failure):
            self.refusal = found.message
            return _error(face, found)
        keys = tuple([key for key in shown if key != self._token]) if shown else ()
        visit = Visit(self, request, face, keys)
        try:
            return await found.handler(visit)
        except asyncio.CancelledError:
            failure = self.given_up()
            if failure is None:
                raise
            return _failed(visit, failure)
        except Refused as refused:
            return _failed(visit, refused.failure, refused.retry_after)
        except PellucidError as error:
            return _failed(visit, failure_of(error))
        except ConnectionError:
            raise asyncio.CancelledError from None  # nobody is there to be told
        except Exception:
            return _failed(visit, own_fault())


def _failed(visit: Visit, failure: Failure, retry_after: int | None = None) -> Response:
    """An error, with the receipt of what was tried."""
    if not visit.receipt:
        visit.server.refusal = failure.message
    headers = visit.receipt_header(visit.receipt)
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return _error(visit.face, failure, headers)


def _error(face: Face, failure: Failure, headers: dict[str, str] | None = None) -> Response:
    headers = headers or {}
    if failure.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return answer(face.encode_error(failure), failure.status, headers)


def _malformed(status: int, said: str) -> Response:
    return _error(openai.FACE, Failure(status, "rejected", said))
