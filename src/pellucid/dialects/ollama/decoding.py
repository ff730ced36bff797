"""Replies of Ollama's API, read: whole, or as lines of JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ...errors import BadReply, BadRequest, IncompleteReply
from ...replies import (
    NO_ID,
    Candidate,
    Event,
    Finish,
    MediaEvent,
    Notice,
    ReplyToken,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
)
from ..failures import error_of
from ..json_text import arguments_text, read_object
from ..late_errors import LateErrors
from ..media import from_base64
from ..ndjson import LineDecoder
from ..tool_calls import made_id
from .errors import failure_of
from .narrow import image
from .said import reason_of, usage_of


def decode_reply(body: Mapping[str, Any]) -> list[Event]:
    """The events of a reply that came whole, `Finish` last. Raises `BadReply`."""
    return read_whole(LineReader(), body)


def read_whole(reader: LineReader, body: Mapping[str, Any]) -> list[Event]:
    out: list[Event] = []
    reader.read(body, out)
    return out + reader.finish()


class Decoder(LateErrors):
    """Reads a streamed reply."""

    def __init__(self, reader: LineReader | None = None) -> None:
        super().__init__()
        self._reader = reader or LineReader()
        self._lines = LineDecoder()

    def _feed(self, data: bytes, out: list[Event]) -> None:
        for line in self._lines.feed(data):
            self._reader.read(read_object(line), out)

    def _close(self, out: list[Event]) -> None:
        for line in self._lines.close():
            try:
                value = json.loads(line)
            except ValueError:  # cut: whether anything is missing shows in `finish`
                continue
            self._reader.read(value, out)
        out += self._reader.finish()


class LineReader:
    """Reads the lines of one reply of `/api/chat`."""

    text = "content"

    def __init__(self) -> None:
        self._started = False
        self._calls = 0
        self._end: list[Event] = []

    @staticmethod
    def message(line: Mapping[str, Any]) -> Mapping[str, Any]:
        """What of a line is the message."""
        message: Mapping[str, Any] = line["message"]
        return message

    def read(self, line: Mapping[str, Any], out: list[Event]) -> None:
        """Adds the events of one line to `out`: every chunk passes here, so nothing is made in
        between. Raises `ProviderError` for an error that the stream reports."""
        try:
            if "error" in line:
                raise error_of(failure_of(line))
            self._read(line, out)
        except (AttributeError, KeyError, TypeError, ValueError, BadRequest) as error:
            raise BadReply(f"The reply is not of Ollama's API: {error!r}") from error

    def finish(self) -> list[Event]:
        if not self._end:
            raise IncompleteReply("The reply ended before a line said that it was done.")
        return self._end

    def _read(self, line: Mapping[str, Any], out: list[Event]) -> None:
        if not self._started:
            self._started = True
            if line.get("model"):
                out.append(Started(None, line["model"]))
        message = self.message(line)
        if thoughts := message.get("thinking"):
            out.append(ThinkingDelta(thoughts + ""))  # a TypeError for what is no text
        tokens = _tokens(line["logprobs"]) if line.get("logprobs") else ()
        text = message.get(self.text)
        if text or tokens:
            out.append(TextDelta((text or "") + "", tokens))
        out += [MediaEvent(image(from_base64(d, "images"))) for d in message.get("images") or ()]
        out += [self._call(call, line) for call in message.get("tool_calls") or ()]
        if line["done"]:
            word = (line.get("done_reason") or "stop") + ""  # older versions say none
            end = Finish(reason_of(word, self._calls > 0), detail=word)
            usage = usage_of(line)
            self._end = [usage, end] if usage else [end]
            if line.get("remote_host"):
                told = f"Answered by {line.get('remote_model')} at {line['remote_host']}."
                out.append(Notice(told))

    def _call(self, call: Mapping[str, Any], line: Mapping[str, Any]) -> Event:
        function = call["function"]
        arguments = arguments_text(function.get("arguments") or {})
        index, name = self._calls, function["name"] + ""
        self._calls += 1
        id = call.get("id") or made_id(line.get("created_at"), index, name, arguments)
        return ToolCallDelta(index, id, name, arguments)


def _tokens(items: list[Mapping[str, Any]]) -> tuple[ReplyToken, ...]:
    return tuple(
        ReplyToken(
            NO_ID,
            _piece(item),
            float(item["logprob"]),
            tuple(
                Candidate(NO_ID, _piece(other), float(other["logprob"]))
                for other in item.get("top_logprobs") or ()
            ),
            exact=False,
        )
        for item in items
    )


def _piece(item: Mapping[str, Any]) -> bytes:
    return bytes(item["bytes"]) if item.get("bytes") else item["token"].encode("utf-8", "replace")
