"""Generated values for the tests of dialects: requests and the events of replies."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from pellucid.messages import (
    Media,
    Message,
    Options,
    Part,
    Refusal,
    Request,
    ResponseFormat,
    Signature,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    ToolSpec,
)
from pellucid.replies import (
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

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
NAME = st.sampled_from(["a", "city", "get_weather", "x1", "search", "b_2", "look_up", "zz"])
VALUES = TEXT | st.sampled_from([None, True, -7, 2.5, 10**20, [], [1, ["é"]], {"deep": {"er": 0}}])
ARGUMENTS = st.dictionaries(NAME, VALUES, max_size=3)
SCHEMA = st.lists(NAME, max_size=3, unique=True).map(
    lambda names: {
        "type": "object",
        "properties": {name: {"type": "string"} for name in names},
        "required": names,
        "additionalProperties": False,
    }
)
TOOLS = st.lists(
    st.builds(ToolSpec, NAME, TEXT, SCHEMA, st.booleans()),
    max_size=3,
    unique_by=lambda tool: tool.name,
)
OPTIONS = st.builds(
    Options,
    temperature=st.none() | st.sampled_from([0.0, 0.5, 1.0, 1.5]),
    top_p=st.none() | st.sampled_from([0.1, 0.9, 1.0]),
    top_k=st.none() | st.integers(1, 50),
    min_p=st.none() | st.sampled_from([0.0, 0.05]),
    max_tokens=st.none() | st.integers(1, 4000),
    seed=st.none() | st.integers(0, 2**31 - 1),
    stop=st.lists(TEXT, max_size=4, unique=True).map(tuple),
    alternatives=st.none() | st.integers(0, 20),
    frequency_penalty=st.none() | st.sampled_from([-1.0, 0.0, 0.5]),
    presence_penalty=st.none() | st.sampled_from([-1.0, 0.0, 0.5]),
    effort=st.none() | st.sampled_from(["none", "minimal", "low", "medium", "high"]),
    thinking_tokens=st.none() | st.integers(1024, 4000),
)
FORMATS = st.builds(ResponseFormat) | st.builds(ResponseFormat, SCHEMA, NAME, st.booleans())
MIMES = {"image": ["image/png", "image/jpeg"], "audio": ["audio/wav", "audio/mpeg"]}


@st.composite
def media(draw: st.DrawFn, kinds: tuple[str, ...] = ("image", "audio", "file")) -> Media:
    kind: Any = draw(st.sampled_from(kinds))
    mime = draw(st.sampled_from(MIMES.get(kind, ["application/pdf", "text/plain"])))
    name = draw(st.none() | NAME.map(lambda name: f"{name}.pdf")) if kind == "file" else None
    if draw(st.integers(0, 3)) == 0:
        return Media(kind, mime, url=f"https://example.org/{draw(NAME)}", name=name)
    return Media(kind, mime, draw(st.binary(min_size=1, max_size=8)), name=name)


def signatures(owner: str) -> st.SearchStrategy[Signature]:
    """The dialect's own, and another's, which must never be sent."""
    return st.builds(Signature, st.sampled_from([owner, owner, "elsewhere"]), NAME)


@st.composite
def _assistant(draw: st.DrawFn, owner: str, tools: list[ToolSpec], turn: int) -> Message:
    parts: list[Part] = []
    if draw(st.integers(0, 3)) == 0:
        parts.append(Thinking(draw(TEXT), draw(st.none() | signatures(owner))))
    if draw(st.integers(0, 9)) == 0:
        parts.append(Thinking("", draw(signatures(owner)), redacted=True))
    if draw(st.integers(0, 9)) == 0:
        parts.append(Refusal(draw(TEXT)))
    else:
        text = Text(draw(TEXT), signature=draw(st.none() | st.none() | signatures(owner)))
        parts.append(text)
    if tools:
        for i in range(draw(st.integers(0, 2))):
            tool = draw(st.sampled_from(tools))
            call = ToolCall(f"call_{turn}_{i}", tool.name, draw(_arguments()))
            parts.append(replace(call, signature=draw(st.none() | st.none() | signatures(owner))))
    return Message("assistant", tuple(parts))


@st.composite
def _arguments(draw: st.DrawFn) -> str:
    return json.dumps(draw(ARGUMENTS), ensure_ascii=draw(st.booleans()))


def _results(draw: st.DrawFn, calls: list[ToolCall]) -> list[Message]:
    results = [
        ToolResult(
            call.id,
            call.name,
            draw(TEXT),
            failed=draw(st.integers(0, 5)) == 0,
            media=(draw(media(("image",))),) if draw(st.integers(0, 9)) == 0 else (),
        )
        for call in calls
    ]
    if draw(st.booleans()):
        return [Message("tool", tuple(results))]
    return [Message("tool", (result,)) for result in results]


@st.composite
def requests(draw: st.DrawFn, owner: str) -> Request:
    """Well-formed conversations with everything a `Request` can hold.

    `owner` is the dialect whose signatures some of the parts carry.
    """
    tools = draw(TOOLS)
    messages = [Message("system", (Text(draw(TEXT)),))] if draw(st.booleans()) else []
    for turn in range(draw(st.integers(1, 3))):
        parts: list[Part] = [Text(draw(TEXT)) for _ in range(draw(st.integers(1, 2)))]
        if draw(st.integers(0, 3)) == 0:
            parts.insert(draw(st.integers(0, len(parts))), draw(media()))
        messages.append(Message("user", tuple(parts)))
        if draw(st.integers(0, 9)) == 0:
            messages.append(Message("system", (Text(draw(TEXT)),)))
        reply = draw(_assistant(owner, tools, turn))
        calls = [part for part in reply.parts if isinstance(part, ToolCall)]
        if calls or draw(st.booleans()):
            messages.append(reply)
        if calls:
            messages += _results(draw, calls)
    return Request(
        tuple(messages),
        tuple(tools),
        draw(OPTIONS),
        response_format=draw(st.none() | FORMATS),
        tool_choice=draw(
            st.sampled_from(["auto", "none", "required", *(tool.name for tool in tools)])
        ),
        parallel_tools=draw(st.none() | st.booleans()),
    )


@st.composite
def plain_requests(draw: st.DrawFn) -> Request:
    """What every dialect must be able to say: text, pictures, tools and the common options."""
    tools = draw(TOOLS)
    messages = [Message("system", (Text(draw(TEXT)),))] if draw(st.booleans()) else []
    for turn in range(draw(st.integers(0, 2))):
        messages.append(Message("user", (Text(draw(TEXT)),)))
        parts: list[Part] = [Text(draw(TEXT))]
        if tools and draw(st.booleans()):
            call = ToolCall(f"call_{turn}", draw(st.sampled_from(tools)).name, '{"a": 1}')
            messages.append(Message("assistant", (*parts, call)))
            messages.append(Message("tool", (ToolResult(call.id, call.name, draw(TEXT)),)))
            parts = [Text(draw(TEXT))]
        messages.append(Message("assistant", tuple(parts)))
    last: list[Part] = [Text(draw(TEXT))]
    if draw(st.booleans()):
        # Where an API has no place for a type, it is read off the first bytes.
        data = b"\x89PNG\r\n\x1a\n" + draw(st.binary(max_size=8))
        last.append(Media("image", "image/png", data))
    messages.append(Message("user", tuple(last)))
    options = Options(
        temperature=draw(st.none() | st.sampled_from([0.0, 0.5, 1.0])),
        top_p=draw(st.none() | st.sampled_from([0.1, 0.9])),
        max_tokens=draw(st.integers(1, 4000)),  # Anthropic's API wants it always
    )
    # Whether the arguments are held to the schema is not for every API to say.
    plain = tuple(replace(tool, strict=False) for tool in tools)
    return Request(tuple(messages), plain, options)


@st.composite
def _tokens(draw: st.DrawFn, text: str) -> tuple[ReplyToken, ...]:
    """`text` as tokens that may part characters, without ids, as a provider gives them."""
    data = text.encode()
    at = draw(st.integers(0, len(data)))
    pieces = [piece for piece in (data[:at], data[at:]) if piece]
    logprob = st.sampled_from([-0.25, -1.5, 0.0])
    candidates = st.builds(Candidate, st.just(NO_ID), TEXT.map(str.encode), logprob)
    return tuple(
        ReplyToken(
            NO_ID, piece, draw(logprob), tuple(draw(st.lists(candidates, max_size=2))), exact=False
        )
        for piece in pieces
    )


def _text_deltas(draw: st.DrawFn, owner: str, logprobs: bool) -> list[Event]:
    out: list[Event] = []
    for _ in range(draw(st.integers(1, 3))):
        text = draw(TEXT)
        out.append(TextDelta(text, draw(_tokens(text)) if logprobs else ()))
    if draw(st.integers(0, 5)) == 0:
        out.append(TextDelta("", signature=draw(signatures(owner))))
    return out


def _thinking_deltas(draw: st.DrawFn, owner: str) -> list[Event]:
    out: list[Event] = [ThinkingDelta(draw(TEXT)) for _ in range(draw(st.integers(1, 2)))]
    if draw(st.booleans()):
        out.append(ThinkingDelta("", draw(signatures(owner))))
    if draw(st.integers(0, 5)) == 0:
        out.append(ThinkingDelta("", draw(signatures(owner)), redacted=True))
    return out


def _call_deltas(draw: st.DrawFn, owner: str, interleaved: bool) -> list[Event]:
    """Several calls, their fragments in order or mixed."""
    calls: list[list[Event]] = []
    for index in range(draw(st.integers(1, 3))):
        arguments, start = draw(_arguments()), ToolCallDelta(index, f"call_{index}", draw(NAME))
        start = replace(start, signature=draw(st.none() | st.none() | signatures(owner)))
        at = draw(st.integers(0, len(arguments)))
        pieces = [piece for piece in (arguments[:at], arguments[at:]) if piece]
        calls.append([start, *(ToolCallDelta(index, arguments=piece) for piece in pieces)])
    if not interleaved:
        return [event for call in calls for event in call]
    out = [call.pop(0) for call in calls]
    while any(calls):
        out.append(draw(st.sampled_from([call for call in calls if call])).pop(0))
    return out


FINISHES: list[FinishReason] = ["stop", "stop_string", "length", "refusal"]


@st.composite
def replies(draw: st.DrawFn, owner: str, interleaved: bool = True) -> list[Event]:
    """The events of a whole reply: `Started` first, usage, `Finish` last.

    `interleaved`: the fragments of several calls may come mixed.
    """
    out: list[Event] = [Started(draw(NAME), draw(NAME))]
    logprobs = draw(st.integers(0, 3)) == 0
    if draw(st.integers(0, 2)) == 0:
        out += _thinking_deltas(draw, owner)
    if draw(st.integers(0, 5)) == 0:
        out += [RefusalDelta(draw(TEXT)) for _ in range(draw(st.integers(1, 2)))]
    else:
        out += _text_deltas(draw, owner, logprobs)
    if draw(st.integers(0, 7)) == 0:
        out.append(MediaEvent(draw(media(("image",)))))
    called = draw(st.booleans())
    if called:
        out += _call_deltas(draw, owner, interleaved and draw(st.booleans()))
    if draw(st.integers(0, 5)) == 0:
        out += _text_deltas(draw, owner, logprobs)
    counts = st.integers(0, 5000)
    usage = st.builds(Usage, counts, counts, counts, counts, counts, st.just("reported"))
    out.append(UsageEvent(draw(usage)))
    out.append(Finish("tool_calls" if called else draw(st.sampled_from(FINISHES))))
    return out
