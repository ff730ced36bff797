"""What of a reply's events the Gemini API can say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from ...errors import CannotExpress
from ...messages import Signature
from ...replies import (
    NO_ID,
    Candidate,
    Event,
    Finish,
    FinishReason,
    MediaEvent,
    Notice,
    RefusalDelta,
    ReplyToken,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    Usage,
    UsageEvent,
)
from ..json_text import arguments_object, same_arguments
from ..media import kind_of
from ..tokens import finite, readable
from ..tool_calls import WholeCalls, made_id
from .narrow import API, NAME

REASONS: dict[str, FinishReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    "SAFETY": "refusal",
    "RECITATION": "refusal",
    "LANGUAGE": "refusal",
    "BLOCKLIST": "refusal",
    "PROHIBITED_CONTENT": "refusal",
    "SPII": "refusal",
    "MODEL_ARMOR": "refusal",
    "ESCALATION": "refusal",
    "PUP_LIMITED_DISABLED": "refusal",
    "JAILBREAK": "refusal",
    "IMAGE_SAFETY": "refusal",
    "IMAGE_PROHIBITED_CONTENT": "refusal",
    "IMAGE_RECITATION": "refusal",
    "OTHER": "error",
    "IMAGE_OTHER": "error",
    "NO_IMAGE": "error",
    "MALFORMED_FUNCTION_CALL": "error",
    "UNEXPECTED_TOOL_CALL": "error",
    "TOO_MANY_TOOL_CALLS": "error",
    "MISSING_THOUGHT_SIGNATURE": "error",
    "MALFORMED_RESPONSE": "error",
    "FINISH_REASON_UNSPECIFIED": "error",
}
"""Why a reply ended, in the API's words; a word that is not here means that something failed."""
WORDS: dict[FinishReason, str] = {
    "stop": "STOP",
    "stop_string": "STOP",
    "tool_calls": "STOP",
    "length": "MAX_TOKENS",
    "refusal": "SAFETY",
    "cut": "OTHER",
    "error": "OTHER",
}


def reason_of(word: str, called: bool) -> FinishReason:
    """What the API's word for the end means; it has none for an end in tool calls."""
    reason = REASONS.get(word, "error")
    return "tool_calls" if called and reason == "stop" else reason


def narrow_events(events: Iterable[Event]) -> list[Event]:
    """What of a reply's events the API can say.

    Refusals are text, calls come whole, usage comes once, before the end. A call whose arguments
    are no JSON object ends the reply as malformed, with its words in a notice.
    """
    sayer = Sayer()
    return [said for event in events for said in sayer.add(event)]


class Sayer:
    """Narrows events as they come."""

    def __init__(self) -> None:
        self.calls = WholeCalls()
        self._called = False
        self._malformed: str | None = None
        self._usage: UsageEvent | None = None

    def add(self, event: Event) -> Iterator[Event]:
        for whole in self.calls.add(event):
            yield from self._said(whole)

    def _said(self, event: Event) -> Iterator[Event]:
        match event:
            case Started():
                yield event
            case TextDelta(text, tokens, signature):
                said = TextDelta(text, said_tokens(tokens), _own(signature))
                if text or tokens or said.signature:
                    yield said
            case RefusalDelta(text):
                yield TextDelta(text)
            case ThinkingDelta(text, signature):
                if text or _own(signature):
                    yield ThinkingDelta(text, _own(signature))
            case ToolCallDelta():
                yield from self._call(event)
            case MediaEvent(media):
                yield MediaEvent(replace(media, kind=kind_of(media.mime), name=None))
            case UsageEvent(usage):
                self._usage = UsageEvent(
                    replace(
                        usage,
                        fresh=usage.fresh + usage.cache_write,
                        cache_write=0,
                        known="reported",
                    )
                )
            case Finish():
                yield from self._finish(event)

    def _call(self, call: ToolCallDelta) -> Iterator[Event]:
        try:
            arguments_object(call.arguments, API)
        except CannotExpress:
            self._malformed = f"Malformed function call: {call.name}({call.arguments})"
            return
        self._called = True
        yield ToolCallDelta(
            call.index,
            call.id or made_id(call.index, call.name, call.arguments),
            call.name,
            same_arguments(call.arguments),
            _own(call.signature),
        )

    def _finish(self, event: Finish) -> Iterator[Event]:
        word = WORDS[event.reason]
        if event.detail in REASONS and REASONS[event.detail] == REASONS[word]:
            word = event.detail
        if self._malformed:
            yield Notice(self._malformed)
            word = "MALFORMED_FUNCTION_CALL"
        if self._usage:
            yield self._usage
        yield Finish(reason_of(word, self._called), detail=word)


def _own(signature: Signature | None) -> Signature | None:
    return signature if signature and signature.owner == NAME else None


def said_tokens(tokens: Iterable[ReplyToken]) -> tuple[ReplyToken, ...]:
    """Tokens as texts with their ids, where they are known."""
    return tuple(
        ReplyToken(
            token.id,
            readable(token.piece),
            finite(token.logprob),
            tuple(
                Candidate(other.id, readable(other.piece), finite(other.logprob))
                for other in token.alternatives
            ),
            exact=token.id != NO_ID,
        )
        for token in tokens
    )


def usage_of(counts: dict[str, int]) -> Usage:
    """Buckets that do not overlap, of counts that do: `promptTokenCount` has what was cached in it,
    and leaves out what tools on Google's side put in."""
    cached = counts.get("cachedContentTokenCount", 0)
    prompt = counts.get("promptTokenCount", 0) + counts.get("toolUsePromptTokenCount", 0)
    return Usage(
        fresh=max(prompt - cached, 0),
        cache_read=cached,
        output=counts.get("candidatesTokenCount", 0),
        reasoning=counts.get("thoughtsTokenCount", 0),
        known="reported",
    )


def counts_of(usage: Usage) -> dict[str, int]:
    return {
        "promptTokenCount": usage.input_total,
        "cachedContentTokenCount": usage.cache_read,
        "candidatesTokenCount": usage.output,
        "thoughtsTokenCount": usage.reasoning,
        "totalTokenCount": usage.input_total + usage.output_total,
    }
