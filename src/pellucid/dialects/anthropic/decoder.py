"""Replies of the Messages API, read: streamed and whole.

https://platform.claude.com/docs/en/build-with-claude/streaming
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import BadReply
from ...messages import Signature
from ...replies import (
    Event,
    Notice,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    UsageEvent,
)
from ..event_stream import SHAPES, EventStreamDecoder
from ..failures import error_of
from ..json_text import arguments_text, compact, read_object
from ..repeated import RepeatedChunk
from .failures import read_error
from .finish import read_finish, read_usage
from .narrow import NAME


class Decoder(EventStreamDecoder):
    """Reads a streamed reply."""

    def __init__(self) -> None:
        super().__init__()
        self._texts = RepeatedChunk("text")
        self._calls: dict[int, int] = {}  # index of a block -> index of its call
        self._inputs: dict[int, object] = {}  # arguments that came whole, or are yet to come
        self._unknown: dict[int, dict[str, Any]] = {}  # blocks that no event of ours can say
        self._usage: dict[str, Any] = {}
        self._stop: dict[str, Any] = {}

    def _read(self, data: str, out: list[Event]) -> None:
        text = self._texts.string(data)
        if text is not None:
            out.append(TextDelta(text))
            return
        value = read_object(data)
        kind = value.get("type")
        if kind == "content_block_delta":
            self._delta(value["index"], value["delta"], out)
            if value["delta"]["type"] == "text_delta":
                self._texts.learn(data)
        elif kind == "content_block_start":
            self._start(value["index"], value["content_block"], out)
        elif kind == "content_block_stop":
            self._end(value["index"], out)
        else:
            self._message(kind, value, out)

    def _delta(self, index: int, delta: dict[str, Any], out: list[Event]) -> None:
        kind = delta["type"]
        if index in self._unknown:
            self._unknown[index].setdefault("deltas", []).append(delta)
        elif kind == "text_delta":
            out.append(TextDelta(_text(delta["text"])))
        elif kind == "thinking_delta":
            out.append(ThinkingDelta(_text(delta["thinking"])))
        elif kind == "signature_delta":
            out.append(ThinkingDelta("", _signature(delta["signature"])))
        elif kind == "input_json_delta":
            if delta["partial_json"]:
                self._inputs.pop(index, None)
                text = _text(delta["partial_json"])
                out.append(ToolCallDelta(self._calls[index], arguments=text))
        else:
            out.append(Notice(compact(delta)))

    def _start(self, index: int, block: dict[str, Any], out: list[Event]) -> None:
        kind = block["type"]
        if kind == "tool_use":
            call = self._calls[index] = len(self._calls)
            self._inputs[index] = block.get("input", {})
            out.append(ToolCallDelta(call, _text(block["id"]), _text(block["name"])))
        elif kind in ("text", "thinking", "redacted_thinking"):
            out += _block_events(block)
        else:
            self._unknown[index] = block

    def _end(self, index: int, out: list[Event]) -> None:
        if index in self._inputs:
            arguments = arguments_text(self._inputs.pop(index))
            out.append(ToolCallDelta(self._calls[index], arguments=arguments))
        if index in self._unknown:
            out.append(Notice(compact(self._unknown.pop(index))))

    def _message(self, kind: object, value: dict[str, Any], out: list[Event]) -> None:
        match kind:
            case "message_start":
                message = value["message"]
                out.append(Started(message.get("id"), message.get("model")))
                self._usage = dict(message.get("usage") or {})
                usage = read_usage(self._usage)
                if usage.input_total:  # known even if the stream breaks off
                    out.append(UsageEvent(usage))
            case "message_delta":
                self._stop.update(value["delta"])
                said = value.get("usage") or {}
                self._usage.update((k, v) for k, v in said.items() if v is not None)
                out.append(UsageEvent(read_usage(self._usage)))
            case "message_stop":
                out += read_finish(self._stop)
                self._finished = True
            case "error":
                raise error_of(read_error(value["error"]))
            case "ping":
                pass
            case None:
                raise BadReply(f"An event of the stream has no type: {compact(value)[:120]}")
            case _:
                out.append(Notice(compact(value)))


def decode_reply(body: Mapping[str, Any]) -> list[Event]:
    """The events of a reply that came whole. Raises `BadReply`."""
    out: list[Event] = []
    calls = 0
    try:
        out.append(Started(body.get("id"), body.get("model")))
        for block in body["content"]:
            if block["type"] == "tool_use":
                arguments = arguments_text(block.get("input", {}))
                id, name = _text(block["id"]), _text(block["name"])
                out.append(ToolCallDelta(calls, id, name, arguments))
                calls += 1
            elif block["type"] in ("text", "thinking", "redacted_thinking"):
                out += _block_events(block)
            else:
                out.append(Notice(compact(block)))
        out.append(UsageEvent(read_usage(body.get("usage") or {})))
        return out + read_finish(body)
    except SHAPES as error:
        raise BadReply(f"The reply is not one of the Messages API: {error}.") from error


def _block_events(block: Mapping[str, Any]) -> list[Event]:
    """What a block holds by itself: all of a whole one, nothing mostly of one just begun."""
    out: list[Event] = []
    match block["type"]:
        case "text":
            if block.get("text"):
                out.append(TextDelta(_text(block["text"])))
            out += [Notice(compact(citation)) for citation in block.get("citations") or ()]
        case "thinking":
            if block.get("thinking"):
                out.append(ThinkingDelta(_text(block["thinking"])))
            if block.get("signature"):
                out.append(ThinkingDelta("", _signature(block["signature"])))
        case _:
            out.append(ThinkingDelta("", _signature(block["data"]), redacted=True))
    return out


def _signature(data: object) -> Signature:
    return Signature(NAME, _text(data))


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    raise BadReply(f"The reply has {value!r} where a text belongs.")
