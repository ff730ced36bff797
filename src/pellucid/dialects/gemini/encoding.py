"""Replies of the Gemini API, written: whole, as server-sent events, or as one JSON array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...messages import Media
from ...replies import (
    NO_ID,
    Candidate,
    Event,
    Finish,
    MediaEvent,
    Notice,
    Reply,
    ReplyToken,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    UsageEvent,
)
from ..base import Failure, Head
from ..json_text import arguments_object, compact, drop_none, quote
from ..reply_events import events_of
from ..sse import encode as sse
from .errors import encode_error
from .narrow import API
from .outgoing import media_part, signed
from .said import Sayer, counts_of, said_tokens


def encode_reply(reply: Reply, head: Head) -> dict[str, Any]:
    """A `GenerateContentResponse` that holds all of a reply."""
    sayer, end = Sayer(), _End()
    parts: list[dict[str, Any]] = []
    for event in events_of(reply):
        for said in sayer.add(event):
            parts += _parts(said)
            end.add(said)
    candidate = end.candidate(parts)
    if reply.tokens:
        candidate["logprobsResult"] = _logprobs(said_tokens(reply.tokens))
    return {"candidates": [candidate], **end.usage, **_of(head)}


class _End:
    """Gathers what the last object of a reply says beside its parts."""

    def __init__(self) -> None:
        self.usage: dict[str, Any] = {}
        self._fields: dict[str, Any] = {}

    def add(self, event: Event) -> None:
        match event:
            case UsageEvent(usage):
                self.usage = {"usageMetadata": counts_of(usage)}
            case Notice(text):
                self._fields["finishMessage"] = text
            case Finish():
                self._fields["finishReason"] = event.detail

    def candidate(self, parts: list[dict[str, Any]]) -> dict[str, Any]:
        # Clients take a reply without any part for one that failed.
        return {**_content(parts or [{"text": ""}]), **self._fields, "index": 0}


class Encoder:
    """Writes a streamed reply as server-sent events."""

    def __init__(self, head: Head) -> None:
        self._sayer = Sayer()
        self._end = _End()
        self._of = _of(head)
        around = compact({"candidates": [{**_content([{"text": 0}]), "index": 0}], **self._of})
        before, after = around.split("0", 1)
        self._before, self._after = before, after

    def start(self) -> bytes:
        return b""

    def encode(self, event: Event) -> bytes:
        if type(event) is TextDelta and not (
            event.tokens or event.signature or self._sayer.calls.held
        ):
            text = event.text
            return self._frame(f"{self._before}{quote(text)}{self._after}") if text else b""
        return b"".join(self._chunk(said) for said in self._sayer.add(event))

    def end(self) -> bytes:
        return b""

    def fail(self, failure: Failure) -> bytes:
        return self._frame(compact(encode_error(failure)))

    def _frame(self, text: str) -> bytes:
        return sse(text)

    def _chunk(self, event: Event) -> bytes:
        self._end.add(event)
        if isinstance(event, Finish):
            value = {"candidates": [self._end.candidate([])], **self._end.usage}
        elif parts := _parts(event):
            candidate = {**_content(parts), "index": 0}
            if isinstance(event, TextDelta) and event.tokens:
                candidate["logprobsResult"] = _logprobs(event.tokens)
            value = {"candidates": [candidate]}
        else:
            return b""
        return self._frame(compact({**value, **self._of}))


class ArrayEncoder(Encoder):
    """Writes a streamed reply as one JSON array, for those who did not ask for events."""

    def __init__(self, head: Head) -> None:
        super().__init__(head)
        self._first = True

    def end(self) -> bytes:
        return b"]"

    def fail(self, failure: Failure) -> bytes:
        return super().fail(failure) + b"]"

    def _frame(self, text: str) -> bytes:
        before, self._first = "[" if self._first else ",\r\n", False
        return f"{before}{text}".encode()


def _of(head: Head) -> dict[str, str]:
    return {"modelVersion": head.model, "responseId": head.id}


def _content(parts: list[dict[str, Any]]) -> dict[str, Any]:
    return {"content": {"parts": parts, "role": "model"}}


def _parts(event: Event) -> list[dict[str, Any]]:
    match event:
        case TextDelta(text, _, signature):
            return [{"text": text, **signed(signature)}]
        case ThinkingDelta(text, signature):
            return [{"text": text, "thought": True, **signed(signature)}]
        case ToolCallDelta(_, id, name, arguments, signature):
            call = {"id": id, "name": name, "args": arguments_object(arguments, API)}
            return [{"functionCall": call, **signed(signature)}]
        case MediaEvent(Media() as media):
            return [media_part(media)]
    return []


def _logprobs(tokens: Sequence[ReplyToken]) -> dict[str, Any]:
    result: dict[str, Any] = {"chosenCandidates": [_candidate(token) for token in tokens]}
    if any(token.alternatives for token in tokens):
        result["topCandidates"] = [
            {"candidates": [_candidate(item) for item in token.alternatives]} for token in tokens
        ]
    return result


def _candidate(token: ReplyToken | Candidate) -> dict[str, Any]:
    return drop_none(
        {
            "token": token.piece.decode(),
            "tokenId": None if token.id == NO_ID else token.id,
            "logProbability": token.logprob,
        }
    )
