"""One call to a host, without I/O: what to send, whether to try again, what the answer means.

`Talk.run` is a generator of steps. The transports (`http`, `http_async`) carry each out and send
its result back in, or throw the error it met; the events in between are the caller's.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any
from urllib.parse import urljoin

from ..dialects.base import Dialect, Outgoing
from ..dialects.failures import error_of, page
from ..dialects.json_text import compact_unicode, read
from ..dialects.sse import BOM
from ..errors import (
    BadReply,
    IncompleteReply,
    NotFound,
    PellucidError,
    ProviderError,
    RedirectRefused,
    Unreachable,
    UsageError,
)
from ..replies import Event, Exchange, Finish, Notice, Sent, UsageEvent
from . import retries
from .addresses import Origin, join
from .answers import cuts_and_tells, is_page, listed, unpacker
from .explain import sentence
from .headers import REMOVED, headers_for, shown
from .keys import Endpoint
from .steps import READ, Answer, Drain, Open, Post, Step, Steps, Wait

REDIRECTS = (301, 302, 303, 307, 308)
HOPS = 5
LARGEST = 256 << 20
"""Bytes of a reply; a hundred times what the longest one takes."""
LARGEST_ERROR = 1 << 20
LARGEST_LIST = 8 << 20


class Talk:
    """A call of `model` at `endpoint`. `exchange` fills as it happens, without secrets. Without
    `stream` the answer was asked for all at once.

    `least_input`: the host must have read at least so many tokens; if it says fewer, it dropped
    some, and a notice says so.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        dialect: Dialect,
        model: str,
        outgoing: Outgoing,
        *,
        least_input: int | None = None,
        stream: bool = True,
        now: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        # A lone surrogate becomes the escape that JSON has for it.
        json = compact_unicode(outgoing.body).encode("utf-8", "backslashreplace")
        media, body = outgoing.form or ("application/json", json)
        headers = {"Content-Type": media, "Accept": "*/*", **headers_for(endpoint)}
        url = join(endpoint.host.base, outgoing.path)
        self._post = Post("POST", url, headers, body, not stream)
        self._endpoint = endpoint
        self._dialect = dialect
        self._model = model
        self._notes = (*outgoing.notes, *_in_the_clear(endpoint))
        self._least_input = least_input
        self._now = now
        self._chance = chance
        self._secret = endpoint.key.value.strip() if endpoint.key else ""
        self._began = False
        self._asked: float | None = None
        self.exchange = Exchange(
            "POST",
            url,
            shown(headers),
            body,
        )

    def run(self) -> Steps:
        """The steps of the call. Raises `ProviderError` and `IncompleteReply`, each saying what
        to do; never one that holds the key."""
        yield [Sent(self.exchange), *(Notice(note) for note in self._notes)]
        try:
            yield from self._attempts()
        except PellucidError as error:
            error.args = (self._clean(str(error)),)
            raise

    def _attempts(self) -> Steps:
        made = 0
        while True:
            try:
                yield from self._attempt()
                return
            except ProviderError as error:
                wait = retries.wait(error, made, self._asked, self._chance())
                if self._began or wait is None:
                    said = sentence(error, self._endpoint, self._model, made, self._asked)
                    if isinstance(error, NotFound):
                        said += yield from self._instead()
                    error.args = (said,)
                    raise
                made += 1
                why = f"{type(error).__name__}: {self._clean(str(error))}"
                self.exchange.retries.append(f"{why} Tried again after {wait:.1f} s.")
                self.exchange.received.clear()
            yield Wait(wait)

    def _attempt(self) -> Steps:
        post = self._post
        self._asked = None
        answer = yield from self._open(post)
        for _ in range(HOPS):
            if answer.status not in REDIRECTS or "location" not in answer.headers:
                break
            post = self._redirected(post, answer)
            answer = yield from self._open(post)
        if answer.status != 200:
            self._asked = retries.retry_after(answer.headers, self._now())
            raise (yield from self._failure(answer))
        yield from self._reply(answer)

    def _open(self, post: Post) -> Generator[Step, Any, Answer]:
        answer: Answer = yield Open(post)
        self.exchange.status = answer.status
        self.exchange.received_headers = {
            name: REMOVED if name == "set-cookie" else self._clean(value)
            for name, value in answer.headers.items()
        }
        return answer

    def _redirected(self, post: Post, answer: Answer) -> Post:
        """The request at the place it was sent on to: of the same origin, since it has the key."""
        here = Origin.of(post.url)
        try:
            url = urljoin(post.url, answer.headers["location"])
            there = Origin.of(url.partition("?")[0])
        except (UsageError, ValueError):
            url, there = "", None
        if there != here:
            raise RedirectRefused(
                f"{here} sends this call on to {there or 'what is no address'}, another host; it "
                "was not followed, so that the key and the words stay with the first. If that is "
                "where the API is, name that address.",
                status=answer.status,
            )
        if answer.status not in (307, 308):
            raise RedirectRefused(
                f"{here} answered {answer.status}, to ask for {url.partition('?')[0]} instead "
                "without the request's body. Is this the address of the API?",
                status=answer.status,
            )
        self.exchange.url = self._clean(url)
        return replace(post, url=url)

    def _failure(self, answer: Answer) -> Generator[Step, Any, ProviderError]:
        """What an answer other than 200 says went wrong."""
        body = yield from self._body(answer, LARGEST_ERROR)
        self._receive(body)
        if is_page(answer, body) or answer.status < 400:
            return BadReply(page(answer.status, body).message, status=answer.status)
        failure = self._dialect.decode_error(answer.status, body)
        if self._asked is None:
            self._asked = failure.retry_after
        return error_of(failure)

    def _body(self, answer: Answer, most: int) -> Generator[Step, Any, bytes]:
        """A body that comes whole, up to `most` bytes of it."""
        body = bytearray()
        unpack = unpacker(answer)
        while len(body) < most and (data := (yield READ)):
            self._began = self._began or answer.status == 200
            for piece in unpack(data):
                body += piece
                if len(body) >= most:
                    break
        return bytes(body[:most])

    def _reply(self, answer: Answer) -> Steps:
        media = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        try:
            if media == "application/json":
                events = yield from self._whole_reply(answer)
            else:
                events = yield from self._streamed_reply(answer)
        except Unreachable as error:
            if not self._began:
                raise
            raise IncompleteReply(
                f"{self._endpoint.host.name} broke off in the middle of its reply; what arrived "
                "is kept and marked as cut."
            ) from error
        yield (yield from self._watched(events))

    def _streamed_reply(self, answer: Answer) -> Generator[Step, Any, list[Event]]:
        """Yields the events as they come; returns those of the end."""
        decoder = self._dialect.Decoder()
        unpack = unpacker(answer)
        while data := (yield READ):
            for piece in unpack(data):
                if not self._began and is_page(answer, piece):
                    raise BadReply(page(answer.status, piece).message, status=answer.status)
                self._began = True
                self._receive(piece)
                events = decoder.feed(piece)
                if events and isinstance(events[-1], Finish):
                    for rest in unpack((yield Drain())):
                        self._receive(rest)
                    return events
                if events:
                    yield events
        if not self._began:
            raise Unreachable(f"{self._endpoint.host.origin} answered nothing.", code="reset")
        return decoder.close()

    def _whole_reply(self, answer: Answer) -> Generator[Step, Any, list[Event]]:
        """The events of an answer that comes whole: the host does not stream."""
        body = yield from self._body(answer, LARGEST)
        self._receive(body)
        try:
            value = read(body.removeprefix(BOM).decode())
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            start = body[:60].decode("utf-8", "replace")
            raise BadReply(f"The answer is not a JSON object: {start!r}.", status=answer.status)
        return self._dialect.decode_reply(value)

    def _watched(self, events: list[Event]) -> Generator[Step, Any, list[Event]]:
        """The last events; where their usage tells of a shortened prompt, with a notice of it."""
        least = self._least_input
        read = [event.usage.input_total for event in events if isinstance(event, UsageEvent)]
        if least is None or not read or read[-1] >= least:
            return events
        if not (yield from self._cuts_and_tells()):
            return events
        notice = Notice(
            f"{self._endpoint.host.name} read {read[-1]:,} tokens, but the words that were sent "
            f"are {least:,} at least: it cut the prompt, and answered without what was cut."
        )
        return [*events[:-1], notice, events[-1]]

    def _cuts_and_tells(self) -> Generator[Step, Any, bool]:
        try:
            answer = yield Open(listing(self._endpoint, "api/version"))
            return cuts_and_tells((yield from self._body(answer, LARGEST_ERROR)))
        except ProviderError:
            return False

    def _receive(self, data: bytes) -> None:
        """Keep what came; a key that the host sends back is not kept."""
        received = self.exchange.received
        if len(received) + len(data) > LARGEST:
            raise BadReply(f"The reply is longer than {LARGEST >> 20} MB; the rest was left.")
        received += data
        if self._secret:
            secret = self._secret.encode()
            start = max(0, len(received) - len(data) - len(secret))
            if received.find(secret, start) >= 0:
                received[start:] = received[start:].replace(secret, REMOVED.encode())

    def _clean(self, text: str) -> str:
        return text.replace(self._secret, REMOVED) if self._secret else text

    def models(self, path: str = "") -> Generator[Step, Any, list[str]]:
        """Asks for the list of models, or for `path`, once. Raises `ProviderError`."""
        try:
            answer = yield Open(listing(self._endpoint, path))
            if answer.status != 200:
                raise (yield from self._failure(answer))
            body = yield from self._body(answer, LARGEST_LIST)
        except ProviderError as error:
            said = sentence(error, self._endpoint, self._model, 0, None)
            error.args = (self._clean(said),)
            raise
        if is_page(answer, body):
            raise BadReply(page(answer.status, body).message, status=answer.status)
        return listed(body)

    def _instead(self) -> Generator[Step, Any, str]:
        """What the host has instead of the model, in words; nothing if it does not say."""
        import difflib

        try:
            names = yield from self.models()
        except ProviderError:
            return ""
        if not names or self._model in names:
            return ""
        near = difflib.get_close_matches(self._model, names, 5, 0.4) or sorted(names)[:5]
        return f" It lists {len(names):,} models, among them {', '.join(near)}."


def listing(endpoint: Endpoint, path: str = "") -> Post:
    """The request for the models a host has."""
    if not path or path == "models":
        path = "api/tags" if endpoint.host.dialect.startswith("ollama") else "models"
    return Post("GET", join(endpoint.host.base, path), headers_for(endpoint))


def _in_the_clear(endpoint: Endpoint) -> tuple[str, ...]:
    origin = endpoint.host.origin
    if endpoint.key is None or origin.scheme == "https" or origin.loopback:
        return ()
    return (f"The key and all words went to {origin} without encryption.",)
