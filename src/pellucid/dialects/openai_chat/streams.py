"""Replies as streams of chunks, read and written.

Tens of thousands of chunks a second go through here on one core: a delta of plain text takes the
shortest way, and is written by joining prepared pieces.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import BadReply
from ...replies import (
    Event,
    Finish,
    MediaEvent,
    Notice,
    RefusalDelta,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    UsageEvent,
)
from ..base import Failure, Head
from ..event_stream import EventStreamDecoder
from ..json_text import arguments_text, compact, drop_none, quote, read_object
from ..repeated import RepeatedChunk
from ..sse import DONE, encode
from .errors import encode_error
from .logprobs import read_tokens, write_tokens
from .replies import (
    finish,
    finish_word,
    made_up_id,
    raise_error,
    said,
    started,
    write_picture,
)
from .usage import read_usage, write_usage

PLAIN = frozenset(("role", "content"))


class Decoder(EventStreamDecoder):
    """Reads a streamed reply.

    The end is announced by `[DONE]`, or, for hosts that leave it away, by a finish reason and the
    usage.
    """

    def __init__(self) -> None:
        super().__init__()
        self._texts = RepeatedChunk("content")
        self._calls = _Calls()
        self._started = False
        self._refused = False
        self._last: Mapping[str, Any] = {}
        self._usage: UsageEvent | None = None
        self._reply_id: object = None

    def _end_unannounced(self, out: list[Event]) -> None:
        if self._last and self._usage is not None:
            self._end(out)

    def _read(self, data: str, out: list[Event]) -> None:
        if (string := self._texts.string(data)) is not None:
            if string:
                out.append(TextDelta(string))
            return
        if data.startswith(DONE):
            self._end(out)
            return
        chunk = read_object(data)
        raise_error(chunk)
        if not self._started:
            self._started = True
            self._reply_id = chunk.get("id")
            out.append(started(chunk))
        choices = chunk.get("choices")
        if choices and self._choice(choices[0], out) and not chunk.get("usage"):
            self._texts.learn(data)
        if chunk.get("usage") or "x_groq" in chunk:
            self._usage = read_usage(chunk) or self._usage

    def _choice(self, choice: Mapping[str, Any], out: list[Event]) -> bool:
        """Reads a choice; whether all it said was a piece of text."""
        if choice.get("index"):
            return False  # another answer, which nobody asked for
        delta = choice.get("delta") or {}
        if choice.get("finish_reason"):
            self._last = choice
        tokens = read_tokens(choice["logprobs"]) if choice.get("logprobs") else ()
        content = delta.get("content")
        if type(content) is str and delta.keys() <= PLAIN:
            if content or tokens:
                out.append(TextDelta(content, tokens))
            return not tokens and not choice.get("finish_reason")
        if tokens:
            out.append(TextDelta("", tokens))
        self._more(delta, out)
        return False

    def _more(self, delta: Mapping[str, Any], out: list[Event]) -> None:
        self._refused = self._refused or bool(delta.get("refusal"))
        out += said(delta)
        for call in delta.get("tool_calls") or ():
            out.append(self._calls.delta(call))
        if delta.get("function_call"):
            out.append(self._calls.delta({"index": 0, "function": delta["function_call"]}))

    def _end(self, out: list[Event]) -> None:
        if not self._started:
            raise BadReply("The stream held nothing but its end.")
        self._finished = True
        out += self._calls.without_id(self._reply_id)
        if self._usage is not None:
            out.append(self._usage)
        out += finish(self._last, called=bool(self._calls.ids), refused=self._refused)


class _Calls:
    """Which call a fragment belongs to, where hosts leave out indices or use one for all."""

    def __init__(self) -> None:
        self.ids: dict[int, str] = {}  # index here -> id
        self._current: dict[object, int] = {}  # index there -> index here

    def delta(self, item: Mapping[str, Any]) -> Event:
        function = item.get("function")
        if not isinstance(function, dict):
            return Notice(f"tool_calls: {compact(item)}")
        there, id, name = item.get("index"), item.get("id") or "", function.get("name")
        here = self._current.get(there)
        if here is None or self._begins(here, there, id, name):
            here = self._new(there, id)
        self._current[there] = here
        id = self.ids[here] = self.ids.get(here) or id
        arguments = function.get("arguments")
        text = "" if arguments is None else arguments_text(arguments)
        return ToolCallDelta(here, id or None, name, text)

    def _begins(self, here: int, there: object, id: str, name: object) -> bool:
        """Whether a fragment at an index that is in use belongs to another call."""
        if id and self.ids[here]:
            return id != self.ids[here] and bool(name or there is None)
        return there is None and bool(name)

    def _new(self, there: object, id: str) -> int:
        known = next((index for index, other in self.ids.items() if id and other == id), None)
        if known is not None:
            return known
        if isinstance(there, int) and there not in self.ids:
            return there
        return max(self.ids, default=-1) + 1

    def without_id(self, reply_id: object) -> list[Event]:
        """Ids for the calls that their host gave none."""
        return [
            ToolCallDelta(index, made_up_id(reply_id, index))
            for index, id in self.ids.items()
            if not id
        ]


class Encoder:
    """Writes a streamed reply. The tokens that come with the text are written as `logprobs`."""

    def __init__(self, head: Head) -> None:
        start = {
            "id": head.id,
            "object": "chat.completion.chunk",
            "created": head.created,
            "model": head.model,
        }
        self._open = f"data: {compact(start)[:-1]},"
        self._delta = f'{self._open}"choices":[{{"index":0,"delta":'
        self._text = self._delta + '{"content":'
        self._include_usage = head.include_usage
        self._usage = b""
        self._refused = False
        self._places: dict[int, int] = {}  # index of a call -> its place among the calls

    def start(self) -> bytes:
        return self._chunk({"role": "assistant", "content": ""})

    def encode(self, event: Event) -> bytes:
        """The bytes of one event. Raises `IncompleteReply` for a finish that is none."""
        if type(event) is TextDelta and not event.tokens:
            if not event.text:
                return b""
            return f'{self._text}{quote(event.text)}}},"finish_reason":null}}]}}\n\n'.encode()
        match event:
            case TextDelta(text, tokens):
                return self._chunk({"content": text}, write_tokens(tokens))
            case ThinkingDelta(text) if text:
                return self._chunk({"reasoning_content": text})
            case ToolCallDelta():
                # Clients take the index for a place in their list, whatever came before the call.
                place = self._places.setdefault(event.index, len(self._places))
                return self._chunk({"tool_calls": [_fragment(event, place)]})
            case RefusalDelta(text) if text:
                self._refused = True
                return self._chunk({"refusal": text})
            case MediaEvent(media) if media.kind == "image":
                return self._chunk({"images": [write_picture(media)]})
            case UsageEvent(usage) if self._include_usage:
                text = f'{self._open}"choices":[],"usage":{compact(write_usage(usage))}}}\n\n'
                self._usage = text.encode()
            case Finish(reason):
                return self._chunk({}, word=finish_word(reason, refused=self._refused))
        return b""

    def end(self) -> bytes:
        return self._usage + encode(DONE)

    def fail(self, failure: Failure) -> bytes:
        return encode(compact(encode_error(failure)))

    def _chunk(
        self, delta: dict[str, Any], tokens: list[dict[str, Any]] | None = None, word: str = ""
    ) -> bytes:
        logprobs = f',"logprobs":{compact({"content": tokens})}' if tokens else ""
        reason = quote(word) if word else "null"
        text = f'{self._delta}{compact(delta)}{logprobs},"finish_reason":{reason}}}]}}\n\n'
        return text.encode()


def _fragment(event: ToolCallDelta, place: int) -> dict[str, Any]:
    function = drop_none({"name": event.name, "arguments": event.arguments})
    call = {"id": event.id, "type": "function" if event.id else None, "function": function}
    return {"index": place, **drop_none(call)}
