"""Replies of the Gemini API, read: whole, as server-sent events, or as one JSON array."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ...errors import BadReply, BadRequest, IncompleteReply
from ...messages import Media, Signature
from ...replies import (
    NO_ID,
    Candidate,
    Event,
    Finish,
    FinishReason,
    MediaEvent,
    Notice,
    ReplyToken,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    UsageEvent,
)
from ..failures import error_of
from ..json_text import arguments_text, read_object
from ..late_errors import LateErrors
from ..media import kind_of
from ..sse import SseDecoder
from ..tool_calls import made_id
from .errors import failure_of
from .incoming import any_base64
from .json_array import ArrayDecoder
from .narrow import NAME
from .said import reason_of, usage_of

KNOWN = (
    *("content", "finishReason", "finishMessage", "index", "tokenCount", "avgLogprobs"),
    *("logprobsResult", "safetyRatings"),
)
"""What of a candidate is read, or says nothing new; the rest becomes notices."""


def decode_reply(body: Mapping[str, Any]) -> list[Event]:
    """The events of a reply that came whole, `Finish` last. Raises `BadReply`."""
    reader = _Reader()
    out: list[Event] = []
    reader.read(body, out)
    return out + reader.finish()


class Decoder(LateErrors):
    """Reads a streamed reply. The array and the events show by their first byte which they are."""

    def __init__(self) -> None:
        super().__init__()
        self._reader = _Reader()
        self._framing: SseDecoder | ArrayDecoder | None = None

    def _feed(self, data: bytes, out: list[Event]) -> None:
        if self._framing is None:
            data = data.lstrip(b" \t\r\n")
            if not data:
                return
            self._framing = ArrayDecoder() if data[:1] in (b"[", b"{") else SseDecoder()
        if isinstance(self._framing, SseDecoder):
            for _, text in self._framing.feed(data):
                self._reader.read(read_object(text), out)
        else:
            for text in self._framing.feed(data):
                self._reader.read(read_object(text), out)

    def _close(self, out: list[Event]) -> None:
        if isinstance(self._framing, SseDecoder):
            for _, text in self._framing.close():
                if _is_whole(text):
                    self._reader.read(read_object(text), out)
        elif self._framing is not None and not self._framing.ended:
            raise IncompleteReply("The stream broke off inside its JSON.")
        out += self._reader.finish()


def _is_whole(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


class _Reader:
    """Reads the objects of one reply, each a `GenerateContentResponse`."""

    def __init__(self) -> None:
        self._started: Started | None = None
        self._calls = 0
        self._counts: dict[str, int] = {}
        self._end: tuple[FinishReason, str] | None = None

    def read(self, value: Mapping[str, Any], out: list[Event]) -> None:
        """Adds the events of one object to `out`: every chunk passes here, so nothing is made
        in between. Raises `ProviderError` for an error that the stream reports."""
        try:
            if "error" in value:
                raise error_of(failure_of(value["error"]))
            self._read(value, out)
        except (AttributeError, KeyError, TypeError, ValueError, BadRequest) as error:
            raise BadReply(f"The reply is not of Google's Gemini API: {error!r}") from error

    def finish(self) -> list[Event]:
        if self._end is None:
            raise IncompleteReply("The reply ended without a reason to finish; it may be cut.")
        out: list[Event] = [UsageEvent(usage_of(self._counts))] if self._counts else []
        reason, word = self._end
        return [*out, Finish(reason, detail=word)]

    def _read(self, value: Mapping[str, Any], out: list[Event]) -> None:
        if self._started is None:
            self._started = Started(value.get("responseId"), value.get("modelVersion"))
            if self._started != Started():
                out.append(self._started)
        if usage := value.get("usageMetadata"):
            self._counts |= {name: count for name, count in usage.items() if type(count) is int}
        if feedback := value.get("promptFeedback"):
            self._blocked(feedback, out)
        for candidate in value.get("candidates") or ():
            if not candidate.get("index"):
                self._candidate(candidate, out)

    def _blocked(self, feedback: Mapping[str, Any], out: list[Event]) -> None:
        if word := feedback.get("blockReason"):
            self._end = ("refusal", word)
            words = feedback.get("blockReasonMessage", "the prompt was blocked")
            out.append(Notice(f"{word}: {words}"))

    def _candidate(self, candidate: Mapping[str, Any], out: list[Event]) -> None:
        tokens = _tokens(candidate["logprobsResult"]) if "logprobsResult" in candidate else ()
        content = candidate.get("content") or {}
        for part in content.get("parts") or ():
            event = self._part(part)
            if tokens and isinstance(event, TextDelta):
                event, tokens = TextDelta(event.text, tokens, event.signature), ()
            if event is not None:
                out.append(event)
        if tokens:
            out.append(TextDelta("", tokens))
        for name, value in candidate.items():
            if name not in KNOWN:
                out.append(Notice(f"{name}: {json.dumps(value, ensure_ascii=False)}"))
        if word := candidate.get("finishReason"):
            self._end = (reason_of(word, self._calls > 0), word)
            if "finishMessage" in candidate:
                out.append(Notice(candidate["finishMessage"]))

    def _part(self, part: Mapping[str, Any]) -> Event | None:
        data = part.get("thoughtSignature")
        signature = Signature(NAME, data) if data else None
        if "text" in part:
            text = part["text"] + ""  # a TypeError for what is no text
            if not text and not signature:
                return None
            return (
                ThinkingDelta(text, signature)
                if part.get("thought")
                else TextDelta(text, (), signature)
            )
        if "functionCall" in part:
            return self._call(part["functionCall"], signature)
        if "inlineData" in part or "fileData" in part:
            return MediaEvent(_media(part))
        if signature:
            return TextDelta("", (), signature)
        return Notice(json.dumps(part, ensure_ascii=False)) if part else None

    def _call(self, call: Mapping[str, Any], signature: Signature | None) -> Event:
        arguments = arguments_text(call.get("args") or {})
        index, name = self._calls, call["name"] + ""
        self._calls += 1
        reply = self._started.id if self._started else None
        id = call.get("id") or made_id(reply, index, name, arguments)
        return ToolCallDelta(index, id, name, arguments, signature)


def _media(part: Mapping[str, Any]) -> Media:
    if "inlineData" in part:
        blob = part["inlineData"]
        data = any_base64(blob["data"], "inlineData.data")
        return Media(kind_of(blob["mimeType"]), blob["mimeType"], data)
    file = part["fileData"]
    mime = file.get("mimeType", "")
    return Media(kind_of(mime), mime, url=file["fileUri"])


def _tokens(result: Mapping[str, Any]) -> tuple[ReplyToken, ...]:
    chosen = result.get("chosenCandidates") or []
    top = result.get("topCandidates") or [{}] * len(chosen)
    return tuple(
        _token(token, tuple(_candidate(item) for item in others.get("candidates") or ()))
        for token, others in zip(chosen, top, strict=True)
    )


def _token(token: Mapping[str, Any], alternatives: tuple[Candidate, ...]) -> ReplyToken:
    said = _candidate(token)
    return ReplyToken(said.id, said.piece, said.logprob, alternatives, exact=said.id != NO_ID)


def _candidate(token: Mapping[str, Any]) -> Candidate:
    piece = token.get("token", "").encode("utf-8", "replace")
    logprob = token.get("logProbability")
    return Candidate(
        int(token.get("tokenId", NO_ID)), piece, None if logprob is None else float(logprob)
    )
