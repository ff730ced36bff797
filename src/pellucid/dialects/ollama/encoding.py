"""Replies of Ollama's API, written: whole, or as lines of JSON."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from ...messages import ToolCall
from ...replies import (
    Candidate,
    Event,
    Finish,
    MediaEvent,
    Reply,
    ReplyToken,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    UsageEvent,
)
from ..base import Failure, Head
from ..json_text import compact, quote
from ..reply_events import events_of
from .errors import encode_error
from .outgoing import call, image_text
from .said import Sayer, metrics_of, said_tokens


def encode_reply(reply: Reply, head: Head) -> dict[str, Any]:
    """All of a reply in one object."""
    return write_whole(LineWriter(head), reply)


def write_whole(writer: LineWriter, reply: Reply) -> dict[str, Any]:
    sayer = Sayer()
    usage = UsageEvent(reply.usage, writer.head.reading, writer.head.writing)
    events = (usage if isinstance(given, UsageEvent) else given for given in events_of(reply))
    said = [event for given in events for event in sayer.add(given)]
    tokens = said_tokens(reply.tokens)
    return writer.line(said, done=True) | ({"logprobs": _logprobs(tokens)} if tokens else {})


class LineWriter:
    """Writes events as objects of `/api/chat`."""

    text = "content"

    def __init__(self, head: Head) -> None:
        self.head = head

    def message(self, fields: dict[str, Any]) -> dict[str, Any]:
        """What of a line is the message."""
        return {"message": {"role": "assistant", **fields}}

    def line(self, events: Iterable[Event], *, done: bool) -> dict[str, Any]:
        fields: dict[str, Any] = {self.text: ""}
        metrics: dict[str, Any] = {}
        logprobs: list[dict[str, Any]] = []
        for event in events:
            match event:
                case TextDelta(text, tokens):
                    fields[self.text] += text
                    logprobs += _logprobs(tokens)
                case ThinkingDelta(text):
                    fields["thinking"] = fields.get("thinking", "") + text
                case MediaEvent(media):
                    fields.setdefault("images", []).append(image_text(media))
                case ToolCallDelta(index, id, name, arguments):
                    item = call(ToolCall(id or "", name or "", arguments))
                    item["function"]["index"] = index
                    fields.setdefault("tool_calls", []).append(item)
                case UsageEvent():
                    metrics |= metrics_of(event)
                case Finish():
                    metrics["done_reason"] = event.detail
        created = datetime.fromtimestamp(self.head.created, UTC).isoformat()
        return {
            "model": self.head.model,
            "created_at": created.replace("+00:00", "Z"),
            **self.message(fields),
            "done": done,
            **metrics,
            **({"logprobs": logprobs} if logprobs else {}),
        }


class Encoder:
    """Writes a streamed reply."""

    def __init__(self, head: Head, writer: type[LineWriter] = LineWriter) -> None:
        self._sayer = Sayer()
        self._usage: list[Event] = []
        self._writer = writer(head)
        sample = compact(self._writer.line([TextDelta("\0")], done=False))
        self._before, self._after = sample.split(quote("\0"))

    def start(self) -> bytes:
        return b""

    def encode(self, event: Event) -> bytes:
        if type(event) is TextDelta and not event.tokens and not self._sayer.calls.held:
            if not event.text:
                return b""
            return f"{self._before}{quote(event.text)}{self._after}\n".encode()
        return b"".join(self._line(said) for said in self._sayer.add(event))

    def end(self) -> bytes:
        return b""

    def fail(self, failure: Failure) -> bytes:
        return f"{compact(encode_error(failure))}\n".encode()

    def _line(self, event: Event) -> bytes:
        match event:
            case UsageEvent():
                self._usage = [event]  # is said with the end
                return b""
            case Finish():
                line = self._writer.line([*self._usage, event], done=True)
            case TextDelta() | ThinkingDelta() | MediaEvent() | ToolCallDelta():
                line = self._writer.line([event], done=False)
            case _:
                return b""
        return f"{compact(line)}\n".encode()


def _logprobs(tokens: Iterable[ReplyToken]) -> list[dict[str, Any]]:
    return [
        {**_logprob(token), "top_logprobs": [_logprob(other) for other in token.alternatives]}
        if token.alternatives
        else _logprob(token)
        for token in tokens
    ]


def _logprob(token: ReplyToken | Candidate) -> dict[str, Any]:
    return {
        "token": token.piece.decode("utf-8", "replace"),
        "logprob": token.logprob,
        "bytes": list(token.piece),
    }
