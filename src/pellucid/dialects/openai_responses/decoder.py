"""Replies of the Responses API, read: streamed and whole.

https://platform.openai.com/docs/api-reference/responses-streaming
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import BadReply, ServerFault
from ...replies import (
    Event,
    Notice,
    RefusalDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
)
from ..event_stream import SHAPES, EventStreamDecoder
from ..failures import error_of
from ..json_text import compact, read_object
from ..openai_chat.errors import read_error
from ..openai_chat.logprobs import read_tokens
from .finish import read_end
from .items import read_phase, signature_of

SAID_ELSEWHERE = frozenset(
    f"response.{name}"
    for name in (
        *("queued", "in_progress", "content_part.added", "content_part.done"),
        *("output_text.done", "refusal.done", "reasoning_text.done"),
        *("reasoning_summary_text.done", "reasoning_summary_part.done"),
        *("function_call_arguments.done",),
    )
)
"""Events that repeat what the deltas said, or announce what they will say."""


class Decoder(EventStreamDecoder):
    """Reads a streamed reply.

    What a host leaves out (places of items, deltas of a whole item) is made up for.
    """

    def __init__(self) -> None:
        super().__init__()
        self._calls: dict[object, int] = {}  # id of an item -> index of its call
        self._told: set[object] = set()  # ids of the items whose content came in deltas
        self._refused = False

    def _read(self, data: str, out: list[Event]) -> None:
        value = read_object(data)
        if value.get("type") == "response.output_text.delta":  # nearly all
            self._told.add(value.get("item_id"))
            tokens = value.get("logprobs")
            known = read_tokens({"content": tokens}) if tokens else ()
            out.append(TextDelta(_text(value["delta"]), known))
        else:
            self._event(value, out)

    def _event(self, value: dict[str, Any], out: list[Event]) -> None:
        item = value.get("item_id")
        match value.get("type"):
            case "response.created":
                response = value["response"]
                out.append(Started(response.get("id"), response.get("model")))
            case "response.output_item.added":
                self._added(value["item"], out)
            case "response.output_item.done":
                self._done(value["item"], out)
            case "response.refusal.delta":
                self._told.add(item)
                self._refused = True
                out.append(RefusalDelta(_text(value["delta"])))
            case "response.reasoning_summary_part.added":
                if value["summary_index"]:
                    out.append(ThinkingDelta("\n\n"))
            case "response.reasoning_summary_text.delta" | "response.reasoning_text.delta":
                self._told.add(item)
                out.append(ThinkingDelta(_text(value["delta"])))
            case "response.function_call_arguments.delta":
                self._told.add(item)
                out.append(ToolCallDelta(self._calls[item], arguments=_text(value["delta"])))
            case "response.output_text.annotation.added":
                out.append(Notice(compact(value["annotation"])))
            case "response.completed" | "response.incomplete" | "response.failed":
                called = bool(self._calls)
                out += read_end(value["response"], called=called, refused=self._refused)
                self._finished = True
            case "error":
                failure = read_error({"error": value.get("error") or value}, 0)
                raise error_of(failure) if failure else ServerFault("The host broke off.")
            case None:
                raise BadReply(f"An event of the stream has no type: {compact(value)[:120]}")
            case kind:
                if kind not in SAID_ELSEWHERE and ".delta" not in kind:
                    out.append(Notice(kind))

    def _added(self, item: dict[str, Any], out: list[Event]) -> None:
        if item["type"] == "function_call":
            index = self._calls[item.get("id")] = len(self._calls)
            out.append(ToolCallDelta(index, _text(item["call_id"]), _text(item["name"])))

    def _done(self, item: dict[str, Any], out: list[Event]) -> None:
        told = item.get("id") in self._told
        match item["type"]:
            case "function_call":
                if item.get("id") not in self._calls:
                    self._added(item, out)
                if not told:
                    text = _text(item.get("arguments") or "")
                    out.append(ToolCallDelta(self._calls[item.get("id")], arguments=text))
            case "message" if told:
                out += _end_of_message(item)
            case "reasoning" if told:
                out += _end_of_thinking(item, told=True)
            case _:
                events = item_events(item)
                self._refused |= any(isinstance(event, RefusalDelta) for event in events)
                out += events


def decode_reply(body: Mapping[str, Any]) -> list[Event]:
    """The events of a reply that came whole. Raises `BadReply`, or the error it tells of."""
    out: list[Event] = []
    calls = 0
    try:
        out.append(Started(body.get("id"), body.get("model")))
        for item in body.get("output") or ():
            if item["type"] == "function_call":
                id, name = _text(item["call_id"]), _text(item["name"])
                out.append(ToolCallDelta(calls, id, name, _text(item["arguments"])))
                calls += 1
            else:
                out += item_events(item)
        refused = any(isinstance(event, RefusalDelta) for event in out)
        return out + read_end(body, called=calls > 0, refused=refused)
    except SHAPES as error:
        raise BadReply(f"The reply is not one of the Responses API: {error}.") from error


def item_events(item: dict[str, Any]) -> list[Event]:
    """The events of a whole item that is no call of a function."""
    out: list[Event] = []
    match item["type"]:
        case "message":
            for part in item["content"]:
                if part["type"] == "refusal":
                    out.append(RefusalDelta(_text(part["refusal"])))
                else:
                    known = read_tokens({"content": part.get("logprobs")})
                    out.append(TextDelta(_text(part["text"]), known))
                    out += [Notice(compact(note)) for note in part.get("annotations") or ()]
            return out + _end_of_message(item)
        case "reasoning":
            parts = [*(item.get("summary") or ()), *(item.get("content") or ())]
            text = "\n\n".join(_text(part["text"]) for part in parts)
            out += [ThinkingDelta(text)] if text else []
            return out + _end_of_thinking(item, told=bool(text))
    return [Notice(compact(item))]


def _end_of_message(item: dict[str, Any]) -> list[Event]:
    phase = read_phase(item)
    return [TextDelta("", signature=phase)] if phase else []


def _end_of_thinking(item: dict[str, Any], *, told: bool) -> list[Event]:
    encrypted = item.get("encrypted_content")
    if not encrypted:
        return []
    signature = signature_of(item.get("id"), _text(encrypted))
    return [ThinkingDelta("", signature, redacted=not told)]


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    raise BadReply(f"The reply has {value!r} where a text belongs.")
