"""A reply that is whole, as the events it could have come in."""

from __future__ import annotations

from ..messages import Media, Refusal, Text, Thinking, ToolCall
from ..replies import (
    Event,
    Finish,
    MediaEvent,
    Notice,
    RefusalDelta,
    Reply,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    UsageEvent,
)


def events_of(reply: Reply) -> list[Event]:
    """`collect(events_of(reply))` is `reply`, but for its tokens, which no part of it owns."""
    out: list[Event] = [Started(reply.id, reply.model)]
    calls = 0
    for part in reply.message.parts:
        match part:
            case Text(text, _, signature):
                out.append(TextDelta(text, (), signature))
            case Refusal(text):
                out.append(RefusalDelta(text))
            case Thinking(text, signature, redacted):
                out.append(ThinkingDelta(text, signature, redacted))
            case ToolCall(id, name, arguments, signature):
                out.append(ToolCallDelta(calls, id, name, arguments, signature))
                calls += 1
            case Media():
                out.append(MediaEvent(part))
    out += [Notice(text) for text in reply.notices]
    return [*out, UsageEvent(reply.usage), Finish(reply.finish, detail=reply.detail)]
