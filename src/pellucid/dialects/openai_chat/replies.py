"""Replies that come whole, what both forms of a reply share, and what can be said of one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...errors import BadReply, BadRequest, IncompleteReply, Overloaded, ServerFault
from ...messages import Media, Refusal, Text, Thinking, ToolCall
from ...replies import (
    Event,
    Finish,
    FinishReason,
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
from ..base import Head
from ..event_stream import SHAPES
from ..failures import error_of
from ..json_text import arguments_text, compact
from ..media import from_url, media_url
from .errors import read_error
from .logprobs import read_tokens, write_tokens
from .usage import read_usage, write_usage

FINISHES: dict[str, FinishReason] = {
    "stop": "stop",
    "eos": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "refusal",
}
SAID = frozenset(
    ("role", "content", "refusal", "reasoning_content", "reasoning", "tool_calls", "images")
)
UNSAID = frozenset(("function_call", "reasoning_details", "id"))
"""Fields of a message that are read elsewhere, or say nothing that another does not."""


def decode_reply(body: Mapping[str, Any]) -> list[Event]:
    """The events of a reply that came whole, `Finish` last.

    Raises `BadReply`, or the `ProviderError` that stands where the reply should.
    """
    raise_error(body)
    try:
        return _decode(body)
    except SHAPES as error:
        raise BadReply(f"The reply is not that of this API: {error}.") from error


def _decode(body: Mapping[str, Any]) -> list[Event]:
    choices = body.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise BadReply(f"The reply has no message in it: {compact(body)[:200]}")
    out: list[Event] = [started(body)]
    out += said(message)
    if tokens := read_tokens(choice.get("logprobs")):
        out.append(TextDelta("", tokens))
    calls = list(_calls(message, body.get("id")))
    out += calls
    if (usage := read_usage(body)) is not None:
        out.append(usage)
    return out + finish(choice, called=bool(calls), refused=bool(message.get("refusal")))


def raise_error(body: Mapping[str, Any]) -> None:
    """Raises the `ProviderError` that a body or a chunk reports instead of a reply."""
    if body.get("error") or body.get("object") == "error":
        failure = read_error(body, 0)
        if failure is not None:
            raise error_of(failure)


def started(body: Mapping[str, Any]) -> Started:
    return Started(body.get("id") or None, body.get("model") or None)


def said(message: Mapping[str, Any]) -> Iterator[Event]:
    """Thinking, text, refusal and pictures of a message, or of a delta of one."""
    thought = message.get("reasoning_content") or message.get("reasoning")
    if isinstance(thought, str):
        if thought:
            yield ThinkingDelta(thought)
    elif thought:
        yield Notice(f"reasoning: {compact(thought)}")
    content = message.get("content")
    if isinstance(content, str):
        if content:
            yield TextDelta(content)
    elif content:
        yield from _typed(content)
    if message.get("refusal"):
        yield RefusalDelta(str(message["refusal"]))
    for image in message.get("images") or ():
        yield _picture(image)
    details = message.get("reasoning_details")
    for item in details if isinstance(details, list) else ():
        if isinstance(item, dict) and (item.get("signature") or item.get("data")):
            yield Notice("The signature of the thinking was not kept: it cannot be sent back.")
            break
    for name, value in message.items():
        if value and name not in SAID and name not in UNSAID:
            yield Notice(f"{name}: {compact(value)}")


def _typed(content: object) -> Iterator[Event]:
    """Content that is a list of parts, as Mistral's thinking models write it."""
    for part in content if isinstance(content, list) else [content]:
        match part:
            case {"type": "text", "text": str(text)}:
                yield TextDelta(text)
            case {"type": "thinking", "thinking": [*thoughts]}:
                yield ThinkingDelta("".join(str(thought.get("text", "")) for thought in thoughts))
            case _:
                yield Notice(f"content: {compact(part)}")


def _picture(image: object) -> Event:
    match image:
        case {"image_url": {"url": str(url)}}:
            try:
                return MediaEvent(from_url("image", url, "images"))
            except BadRequest as error:
                raise BadReply(str(error)) from error
    return Notice(f"images: {compact(image)}")


def _calls(message: Mapping[str, Any], reply_id: object) -> Iterator[Event]:
    calls = message.get("tool_calls") or ()
    if function := message.get("function_call"):
        calls = [{"function": function}]
    for i, call in enumerate(calls):
        function = call.get("function")
        if not isinstance(function, dict):
            yield Notice(f"tool_calls: {compact(call)}")
            continue
        yield ToolCallDelta(
            i,
            call.get("id") or made_up_id(reply_id, i),
            function.get("name"),
            arguments_text(function.get("arguments") or ""),
        )


def made_up_id(reply_id: object, index: int) -> str:
    """The id of a call to which its host gave none; no other reply has it."""
    return f"{reply_id or 'call'}-{index}"


def finish(choice: Mapping[str, Any], *, called: bool, refused: bool) -> list[Event]:
    """The last events. Raises `ProviderError` when the word for the end is that of a failure."""
    word = choice.get("finish_reason")
    if word == "error":  # OpenRouter
        failure = read_error(choice, 0)
        raise error_of(failure) if failure else ServerFault("The host failed during its reply.")
    if word == "insufficient_system_resource":  # DeepSeek
        raise Overloaded("The host had no resources left to finish its reply.", code=word)
    out: list[Event] = []
    if word not in FINISHES:
        told = f"an unknown reason, {word!r}" if word else "no reason"
        out.append(Notice(f"The host gave {told} for the end of its reply."))
    reason = FINISHES.get(word or "", "stop")
    detail = word or None
    if reason == "stop" and called:
        reason = "tool_calls"
    elif reason == "stop" and refused:
        reason = "refusal"
    elif reason == "stop" and isinstance(choice.get("stop_reason"), str):  # vLLM
        reason, detail = "stop_string", choice["stop_reason"]
    return [*out, Finish(reason, detail=detail)]


def finish_word(reason: FinishReason, *, refused: bool) -> str:
    """`refused`: the reply holds a refusal, which ends as any reply does.

    Raises `IncompleteReply` for a reply that is not whole.
    """
    match reason:
        case "stop" | "stop_string":
            return "stop"
        case "length" | "tool_calls":
            return reason
        case "refusal":
            return "stop" if refused else "content_filter"
    raise IncompleteReply("A reply that broke off cannot be sent as if it were whole.")


def encode_reply(reply: Reply, head: Head) -> dict[str, Any]:
    parts = reply.message.parts
    texts = [part.text for part in parts if isinstance(part, Text)]
    refusals = [part.text for part in parts if isinstance(part, Refusal)]
    thoughts = [part.text for part in parts if isinstance(part, Thinking)]
    calls = [
        {"id": p.id, "type": "function", "function": {"name": p.name, "arguments": p.arguments}}
        for p in parts
        if isinstance(p, ToolCall)
    ]
    pictures = [write_picture(p) for p in parts if isinstance(p, Media) and p.kind == "image"]
    message: dict[str, Any] = {
        "role": "assistant",
        "content": "".join(texts) if texts or not (calls or refusals) else None,
        "refusal": "".join(refusals) or None,
    }
    if any(thoughts):
        message["reasoning_content"] = "".join(thoughts)
    if calls:
        message["tool_calls"] = calls
    if pictures:
        message["images"] = pictures
    tokens = write_tokens(reply.tokens)
    choice = {
        "index": 0,
        "message": message,
        "logprobs": {"content": tokens, "refusal": None} if tokens else None,
        "finish_reason": finish_word(reply.finish, refused=bool(refusals)),
    }
    return {
        "id": head.id,
        "object": "chat.completion",
        "created": head.created,
        "model": head.model,
        "choices": [choice],
        "usage": write_usage(reply.usage),
    }


def write_picture(media: Media) -> dict[str, Any]:
    """A picture in a reply, in the way that OpenRouter has made common."""
    return {"type": "image_url", "image_url": {"url": media_url(media)}}


def narrow_events(events: Sequence[Event]) -> list[Event]:
    """What of a reply's events Chat Completions can say."""
    out: list[Event] = []
    places: dict[int, int] = {}
    for event in events:
        match event:
            case Started():
                out.append(event)
            case TextDelta(text, tokens):
                said_tokens = read_tokens({"content": write_tokens(tokens)})
                if text or said_tokens:
                    out.append(TextDelta(text, said_tokens))
            case RefusalDelta() if event.text:
                out.append(event)
            case ThinkingDelta(text) if text:
                out.append(ThinkingDelta(text))
            case ToolCallDelta(index, id, name, arguments):
                place = places.setdefault(index, len(places))
                out.append(ToolCallDelta(place, id, name, arguments))
            case MediaEvent(Media(kind="image") as media):
                out.append(MediaEvent(from_url("image", media_url(media), "images")))
            case UsageEvent(usage):
                read = read_usage({"usage": write_usage(usage)})
                assert read is not None
                out.append(read)
            case Finish(reason):
                refused = any(isinstance(e, RefusalDelta) for e in out)
                called = any(isinstance(e, ToolCallDelta) for e in out)
                word = {"finish_reason": finish_word(reason, refused=refused)}
                out += finish(word, called=called, refused=refused)
    return out
