"""What of a reply's events Ollama's API can say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ...errors import CannotExpress
from ...replies import (
    NO_ID,
    Candidate,
    Event,
    Finish,
    FinishReason,
    MediaEvent,
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
from ..tokens import finite
from ..tool_calls import WholeCalls, made_id
from .narrow import API, image

REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "load": "stop",
    "unload": "stop",
    "refusal": "refusal",
    "cut": "cut",
    "error": "error",
}
"""Why a reply ended, in the API's words. The last three are ours, for what it has no word for."""
WORDS: dict[FinishReason, str] = {
    "stop": "stop",
    "stop_string": "stop",
    "tool_calls": "stop",
    "length": "length",
    "refusal": "refusal",
    "cut": "cut",
    "error": "error",
}
SECOND = 1_000_000_000
"""In nanoseconds, in which the API measures."""


def reason_of(word: str, called: bool) -> FinishReason:
    """What the word for the end means. Servers have words of their own for a reply that is
    complete, and none for an end in tool calls."""
    reason = REASONS.get(word, "stop")
    return "tool_calls" if called and reason == "stop" else reason


def narrow_events(events: Iterable[Event]) -> list[Event]:
    """What of a reply's events the API can say.

    Refusals are text, calls come whole, usage comes once, before the end. A call whose arguments
    are no JSON object is text too, as Ollama has it.
    """
    sayer = Sayer()
    return [said for event in events for said in sayer.add(event)]


class Sayer:
    """Narrows events as they come."""

    def __init__(self) -> None:
        self.calls = WholeCalls()
        self._called = False
        self._usage: UsageEvent | None = None

    def add(self, event: Event) -> Iterator[Event]:
        for whole in self.calls.add(event):
            yield from self._said(whole)

    def _said(self, event: Event) -> Iterator[Event]:
        match event:
            case Started(_, model):
                yield Started(None, model)
            case TextDelta(text, tokens):
                if text or tokens:
                    yield TextDelta(text, said_tokens(tokens))
            case RefusalDelta(text):
                yield TextDelta(text)
            case ThinkingDelta(text, _, redacted):
                if text and not redacted:
                    yield ThinkingDelta(text)
            case ToolCallDelta():
                yield self._call(event)
            case MediaEvent(media):
                if media.kind == "image" and media.data is not None:
                    yield MediaEvent(image(media.data))
            case UsageEvent():
                self._usage = _usage(event)
            case Finish(reason, _, _, detail):
                if self._usage:
                    yield self._usage
                word = WORDS[reason]
                if detail in REASONS and REASONS[detail] == REASONS[word]:
                    word = detail
                yield Finish(reason_of(word, self._called), detail=word)

    def _call(self, call: ToolCallDelta) -> Event:
        try:
            arguments_object(call.arguments, API)
        except CannotExpress:
            return TextDelta(f"{call.name}({call.arguments})")
        self._called = True
        id = call.id or made_id(call.index, call.name, call.arguments)
        return ToolCallDelta(call.index, id, call.name, same_arguments(call.arguments))


def said_tokens(tokens: Iterable[ReplyToken]) -> tuple[ReplyToken, ...]:
    """Tokens as bytes and probability; those without a probability cannot be told."""
    return tuple(
        ReplyToken(
            NO_ID,
            token.piece,
            finite(token.logprob),
            tuple(
                Candidate(NO_ID, other.piece, finite(other.logprob))
                for other in token.alternatives
                if other.logprob is not None
            ),
            exact=False,
        )
        for token in tokens
        if token.logprob is not None
    )


def _usage(event: UsageEvent) -> UsageEvent:
    """The usage, and the rates as they follow from durations in whole nanoseconds."""
    return usage_of(metrics_of(event)) or event


def metrics_of(event: UsageEvent) -> dict[str, int]:
    """The counts and durations at the end of a reply; reading takes what was not cached."""
    usage = event.usage
    out = {"prompt_eval_count": usage.input_total, "eval_count": usage.output_total}
    if usage.cache_read:
        out["prompt_eval_cached_count"] = usage.cache_read
    if event.reading and usage.fresh:
        out["prompt_eval_duration"] = round(usage.fresh / event.reading * SECOND)
    if event.writing and usage.output_total:
        out["eval_duration"] = round(usage.output_total / event.writing * SECOND)
    total = out.get("prompt_eval_duration", 0) + out.get("eval_duration", 0)
    return {"total_duration": total, **out} if total else out


def usage_of(line: Mapping[str, Any]) -> UsageEvent | None:
    """The usage in the last line of a reply. What the prompt's cache held is counted in it."""
    if "prompt_eval_count" not in line and "eval_count" not in line:
        return None
    # The sums are a TypeError for what is no number.
    read, wrote = (line.get("prompt_eval_count") or 0) + 0, (line.get("eval_count") or 0) + 0
    cached = min((line.get("prompt_eval_cached_count") or 0) + 0, read)
    return UsageEvent(
        Usage(fresh=read - cached, cache_read=cached, output=wrote, known="reported"),
        reading=_rate(read - cached, line.get("prompt_eval_duration")),
        writing=_rate(wrote, line.get("eval_duration")),
    )


def _rate(count: int, duration: int | None) -> float | None:
    return count / duration * SECOND if count and duration else None
