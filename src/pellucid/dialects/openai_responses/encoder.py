"""Streamed replies of the Responses API, written."""

from __future__ import annotations

from typing import Any

from ...replies import (
    Event,
    Finish,
    RefusalDelta,
    ReplyToken,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    Usage,
    UsageEvent,
)
from .. import sse
from ..base import Failure, Head
from ..json_text import compact, quote
from ..open_calls import OpenCall
from ..openai_chat.errors import encode_error
from ..openai_chat.logprobs import write_tokens
from .finish import end_fields, usage_fields
from .items import sealed
from .narrow import NAME
from .replies import call_item, item_id, message_item, reasoning_item, response

_FIELDS = {"output_text": "text", "refusal": "refusal"}
"""The field that holds the words of each kind of part."""


class _Wire:
    """Numbers the events, and gathers the items that are whole."""

    def __init__(self, head: Head) -> None:
        self.head = head
        self.sequence = 0
        self.items: dict[int, dict[str, Any]] = {}  # in the order in which they began

    def event(self, kind: str, **fields: Any) -> bytes:
        value = {"type": kind, **fields, "sequence_number": self.sequence}
        self.sequence += 1
        return sse.encode(compact(value), kind)

    def add(self, item: dict[str, Any]) -> bytes:
        """Announce an item, as empty as it is now."""
        place = len(self.items)
        self.items[place] = item
        return self.event(
            "response.output_item.added",
            output_index=place,
            item={**item, "status": "in_progress"},
        )

    def done(self, place: int, item: dict[str, Any]) -> bytes:
        self.items[place] = item
        return self.event("response.output_item.done", output_index=place, item=item)

    def response(self, said: dict[str, Any]) -> dict[str, Any]:
        return response(self.head, list(self.items.values()), said)


class _Message:
    """A message item on its way: parts of text and of refusal, one after another."""

    def __init__(self, wire: _Wire) -> None:
        self._wire = wire
        self._place = len(wire.items)
        self._id = item_id(wire.head, "msg", self._place)
        self._parts: list[dict[str, Any]] = []
        self._texts: list[str] = []
        self._logprobs: list[dict[str, Any]] = []
        self._prefix = ""
        self.kind = ""  # of the open part

    def begin(self) -> bytes:
        return self._wire.add(message_item(self._id, [], None))

    def write(self, kind: str, text: str, tokens: tuple[ReplyToken, ...] = ()) -> bytes:
        out = self._begin_part(kind) if kind != self.kind else b""
        self._texts.append(text)
        logprobs = write_tokens(tokens) if tokens else []
        self._logprobs += logprobs
        said = ""
        if kind == "output_text":
            said = f',"logprobs":{compact(logprobs)}' if logprobs else ',"logprobs":[]'
        number, self._wire.sequence = self._wire.sequence, self._wire.sequence + 1
        line = f'{self._prefix}{quote(text)}{said},"sequence_number":{number}}}\n\n'
        return out + line.encode()

    def _begin_part(self, kind: str) -> bytes:
        out = self._end_part()
        self.kind, index = kind, len(self._parts)
        place = {"item_id": self._id, "output_index": self._place, "content_index": index}
        self._prefix = (
            f"event: response.{kind}.delta\n"
            f'data: {{"type":"response.{kind}.delta",{compact(place)[1:-1]},"delta":'
        )
        part = self._part("", [])
        return out + self._wire.event("response.content_part.added", **place, part=part)

    def _part(self, text: str, logprobs: list[dict[str, Any]]) -> dict[str, Any]:
        part = {"type": self.kind, _FIELDS[self.kind]: text}
        return {**part, "annotations": [], "logprobs": logprobs} if "text" in part else part

    def _end_part(self) -> bytes:
        if not self.kind:
            return b""
        part = self._part("".join(self._texts), self._logprobs)
        place = {
            "item_id": self._id,
            "output_index": self._place,
            "content_index": len(self._parts),
        }
        said = {name: part[name] for name in ("text", "refusal", "logprobs") if name in part}
        self._parts.append(part)
        self._texts, self._logprobs = [], []
        done = self._wire.event(f"response.{self.kind}.done", **place, **said)
        return done + self._wire.event("response.content_part.done", **place, part=part)

    def end(self, phase: str | None = None) -> bytes:
        out = self._end_part()
        return out + self._wire.done(self._place, message_item(self._id, self._parts, phase))


class _Reasoning:
    """A reasoning item on its way: one summary, which is the thinking."""

    def __init__(self, wire: _Wire) -> None:
        self._wire = wire
        self._place = len(wire.items)
        self._id = item_id(wire.head, "rs", self._place)
        self._texts: list[str] = []

    def begin(self) -> bytes:
        return self._wire.add(reasoning_item(self._id, "", None))

    def write(self, text: str) -> bytes:
        out = b""
        if not self._texts:
            out = self._event("part.added", part={"type": "summary_text", "text": ""})
        self._texts.append(text)
        return out + self._event("text.delta", delta=text)

    def end(self, encrypted: str | None = None) -> bytes:
        text, out = "".join(self._texts), b""
        if text:
            out += self._event("text.done", text=text)
            out += self._event("part.done", part={"type": "summary_text", "text": text})
        return out + self._wire.done(self._place, reasoning_item(self._id, text, encrypted))

    def _event(self, kind: str, **fields: Any) -> bytes:
        place = {"item_id": self._id, "output_index": self._place, "summary_index": 0}
        return self._wire.event(f"response.reasoning_summary_{kind}", **place, **fields)


class Encoder:
    """Writes a streamed reply.

    Items follow one another. Where the fragments of several calls come mixed, a call's item stays
    open until its arguments are whole; each event says which item it adds to.
    """

    def __init__(self, head: Head) -> None:
        self._wire = _Wire(head)
        self._open: _Message | _Reasoning | None = None
        self._calls: dict[int, OpenCall] = {}
        self._usage = Usage()
        self._refused = False

    def start(self) -> bytes:
        said = self._wire.response({"status": "in_progress"})
        created = self._wire.event("response.created", response=said)
        return created + self._wire.event("response.in_progress", response=said)

    def encode(self, event: Event) -> bytes:
        match event:
            case TextDelta(text, tokens, signature):
                phase = signature.data if signature and signature.owner == NAME else None
                if not (text or tokens) and phase is None:
                    return b""
                begun, message = self._message()
                out = begun + message.write("output_text", text, tokens)
                return out if phase is None else out + self._close(phase)
            case RefusalDelta(text):
                self._refused = True
                begun, message = self._message()
                return begun + message.write("refusal", text)
            case ThinkingDelta():
                return self._thinking(event)
            case ToolCallDelta():
                return self._call(event)
            case UsageEvent(usage):
                self._usage = usage
            case Finish():
                out = self._close() + b"".join(map(self._finish_call, self._calls.values()))
                end = end_fields(event, refused=self._refused)
                said = self._wire.response({**end, "usage": usage_fields(self._usage)})
                return out + self._wire.event(f"response.{end['status']}", response=said)
        return b""

    def end(self) -> bytes:
        return b""

    def fail(self, failure: Failure) -> bytes:
        """`response.failed`, then `error`: the fields the reference has for it, and the nested
        ones that make the official client raise."""
        error = encode_error(failure)["error"]
        said = {"code": error["code"] or "server_error", "message": error["message"]}
        failed = self._wire.response({"status": "failed", "error": said})
        told = {**said, "param": error["param"], "error": error}
        return self._wire.event("response.failed", response=failed) + self._wire.event(
            "error", **told
        )

    def _message(self) -> tuple[bytes, _Message]:
        if isinstance(self._open, _Message):
            return b"", self._open
        out = self._settle()
        self._open = message = _Message(self._wire)
        return out + message.begin(), message

    def _thinking(self, event: ThinkingDelta) -> bytes:
        signature = event.signature
        own = sealed(signature) if signature and signature.owner == NAME else None
        out = self._close() if event.redacted else b""
        if not isinstance(self._open, _Reasoning):
            if not event.text and own is None:
                return out
            out += self._settle()
            self._open = _Reasoning(self._wire)
            out += self._open.begin()
        if event.text:
            out += self._open.write(event.text)
        return out + self._close(own) if signature else out

    def _settle(self) -> bytes:
        """End what is whole, before another item begins."""
        out = self._close()
        for call in self._calls.values():
            if call.place is not None and not call.closed and call.whole():
                out += self._finish_call(call)
        return out

    def _close(self, mark: str | None = None) -> bytes:
        """End the open message, with its phase, or the thinking, with its encrypted content."""
        item, self._open = self._open, None
        return b"" if item is None else item.end(mark)

    def _call(self, event: ToolCallDelta) -> bytes:
        call = self._calls.setdefault(event.index, OpenCall())
        call.add(event)
        if call.place is not None:
            return self._arguments(call, "delta", delta=event.arguments) if event.arguments else b""
        return self._begin_call(call) if call.named else b""

    def _item(self, call: OpenCall, arguments: str) -> dict[str, Any]:
        id = item_id(self._wire.head, "fc", call.place or 0)
        return call_item(id, call.id or f"call_{id}", call.name or "", arguments)

    def _begin_call(self, call: OpenCall) -> bytes:
        out = self._settle()
        call.place = len(self._wire.items)
        out += self._wire.add(self._item(call, ""))
        return out + self._arguments(call, "delta", delta=call.arguments) if call.written else out

    def _arguments(self, call: OpenCall, kind: str, **fields: str) -> bytes:
        item = item_id(self._wire.head, "fc", call.place or 0)
        return self._wire.event(
            f"response.function_call_arguments.{kind}",
            item_id=item,
            output_index=call.place,
            **fields,
        )

    def _finish_call(self, call: OpenCall) -> bytes:
        if call.closed:
            return b""
        out = self._begin_call(call) if call.place is None else b""
        call.closed = True
        assert call.place is not None
        item = self._item(call, call.arguments)
        said = {"name": item["name"], "arguments": item["arguments"]}
        return out + self._arguments(call, "done", **said) + self._wire.done(call.place, item)
