"""Replies of the Messages API, written: streamed and whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ...messages import Refusal, Signature, Text, Thinking, ToolCall
from ...replies import (
    Event,
    Finish,
    RefusalDelta,
    Reply,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    Usage,
    UsageEvent,
)
from .. import sse
from ..base import Failure, Head
from ..json_text import arguments_object, compact, quote
from ..open_calls import OpenCall
from .failures import encode_error
from .finish import narrow_finish, stop_fields, usage_fields
from .narrow import API, NAME

_EMPTY = {"text": {"text": ""}, "thinking": {"thinking": "", "signature": ""}}


class Encoder:
    """Writes a streamed reply.

    Blocks follow one another. Where the fragments of several calls come mixed, a call's block
    stays open until its arguments are whole; the index in each event says which block it adds to.
    """

    def __init__(self, head: Head) -> None:
        self._head = head
        self._blocks = 0
        self._open: str | None = None  # the kind of the open block of text or thinking
        self._text = ""  # an event that adds to it, up to the text
        self._calls: dict[int, OpenCall] = {}
        self._usage = Usage()

    def start(self) -> bytes:
        message = _message(self._head, [], {"stop_reason": None, "stop_sequence": None}, Usage())
        return _event("message_start", message=message)

    def encode(self, event: Event) -> bytes:
        match event:
            case TextDelta(text) | RefusalDelta(text):
                if not text:
                    return b""
                if self._open == "text":  # nearly all
                    return f"{self._text}{quote(text)}}}}}\n\n".encode()
                return self._begin("text") + f"{self._text}{quote(text)}}}}}\n\n".encode()
            case ThinkingDelta():
                return self._thinking(event)
            case ToolCallDelta():
                return self._call(event)
            case UsageEvent(usage):
                self._usage = usage
            case Finish():
                out = self._close() + b"".join(map(self._finish_call, self._calls.values()))
                used = usage_fields(self._usage)
                return out + _event("message_delta", delta=stop_fields(event), usage=used)
        return b""

    def end(self) -> bytes:
        return _event("message_stop")

    def fail(self, failure: Failure) -> bytes:
        return sse.encode(compact(encode_error(failure)), "error")

    def _begin(self, kind: str, **fields: object) -> bytes:
        """Open a block, after closing what is whole."""
        out = self._close()
        for call in self._calls.values():
            if call.place is not None and not call.closed and call.whole():
                out += self._finish_call(call)
        index, self._blocks = self._blocks, self._blocks + 1
        if kind in _EMPTY:
            self._open = kind
            self._text = (
                "event: content_block_delta\n"
                f'data: {{"type":"content_block_delta","index":{index},'
                f'"delta":{{"type":"{kind}_delta","{kind}":'
            )
        block = {"type": kind, **_EMPTY.get(kind, {}), **fields}
        return out + _event("content_block_start", index=index, content_block=block)

    def _close(self) -> bytes:
        """Close the open block of text or thinking, which is always the newest."""
        if self._open is None:
            return b""
        self._open = None
        return _event("content_block_stop", index=self._blocks - 1)

    def _thinking(self, event: ThinkingDelta) -> bytes:
        own = event.signature if event.signature and event.signature.owner == NAME else None
        if event.redacted:
            if own is None:
                return b""
            begun = self._begin("redacted_thinking", data=own.data)
            return begun + _event("content_block_stop", index=self._blocks - 1)
        out = b""
        if event.text or (own and self._open != "thinking"):
            out += b"" if self._open == "thinking" else self._begin("thinking")
        if event.text:
            out += f"{self._text}{quote(event.text)}}}}}\n\n".encode()
        if own:
            delta = {"type": "signature_delta", "signature": own.data}
            out += _event("content_block_delta", index=self._blocks - 1, delta=delta)
        if event.signature and self._open == "thinking":
            out += self._close()
        return out

    def _call(self, event: ToolCallDelta) -> bytes:
        call = self._calls.setdefault(event.index, OpenCall())
        call.add(event)
        if call.place is not None:
            return _arguments(call, event.arguments)
        return self._begin_call(call) if call.named else b""

    def _begin_call(self, call: OpenCall) -> bytes:
        id = call.id or f"toolu_{self._head.id}_{self._blocks}"
        out = self._begin("tool_use", id=id, name=call.name or "", input={})
        call.place = self._blocks - 1
        return out + _arguments(call, call.arguments)

    def _finish_call(self, call: OpenCall) -> bytes:
        if call.closed:
            return b""
        out = self._begin_call(call) if call.place is None else b""
        call.closed = True
        return out + _event("content_block_stop", index=call.place)


def _arguments(call: OpenCall, text: str) -> bytes:
    if not text:
        return b""
    delta = {"type": "input_json_delta", "partial_json": text}
    return _event("content_block_delta", index=call.place, delta=delta)


def _event(kind: str, **fields: Any) -> bytes:
    return sse.encode(compact({"type": kind, **fields}), kind)


def _message(
    head: Head, content: list[dict[str, Any]], stop: dict[str, Any], usage: Usage
) -> dict[str, Any]:
    return {
        "id": head.id,
        "type": "message",
        "role": "assistant",
        "model": head.model,
        "content": content,
        **stop,
        "usage": usage_fields(usage),
    }


def encode_reply(reply: Reply, head: Head) -> dict[str, Any]:
    """A whole reply. Raises `CannotExpress` for one that broke off, or arguments that are none."""
    content: list[dict[str, Any]] = []
    for part in reply.message.parts:
        match part:
            case Text(text) | Refusal(text) if text:
                content.append({"type": "text", "text": text})
            case Thinking(_, Signature(owner, data), True) if owner == NAME:
                content.append({"type": "redacted_thinking", "data": data})
            case Thinking(text, signature, False):
                own = signature.data if signature and signature.owner == NAME else ""
                if text or own:
                    content.append({"type": "thinking", "thinking": text, "signature": own})
            case ToolCall(id, name, arguments):
                value = arguments_object(arguments, API)
                content.append({"type": "tool_use", "id": id, "name": name, "input": value})
    finish = Finish(reply.finish, detail=reply.detail)
    return _message(head, content, stop_fields(finish), reply.usage)


def narrow_events(events: Sequence[Event]) -> list[Event]:
    """What of a reply's events the API can say."""
    out: list[Event] = []
    for event in events:
        match event:
            case TextDelta(text) | RefusalDelta(text):
                out.append(TextDelta(text))
            case ThinkingDelta(text, signature, redacted):
                own = signature if signature and signature.owner == NAME else None
                if text or own:
                    out.append(ThinkingDelta(text, own, redacted))
            case ToolCallDelta(index, id, name, arguments):
                out.append(ToolCallDelta(index, id, name, arguments))
            case UsageEvent(usage):
                out.append(UsageEvent(replace(usage, known="reported")))
            case Finish():
                out.append(narrow_finish(event))
            case Started():
                out.append(event)
    return out
