"""Whole replies of the Responses API, written, and what can be said of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...messages import Refusal, Thinking, ToolCall
from ...replies import (
    Event,
    Finish,
    RefusalDelta,
    Reply,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    UsageEvent,
)
from ..base import Head
from ..openai_chat.logprobs import read_tokens, write_tokens
from .finish import end_fields, read_end, read_usage, usage_fields
from .items import grouped, phase_of, sealed, summary, text_part
from .narrow import NAME


def response(head: Head, output: list[dict[str, Any]], said: Mapping[str, Any]) -> dict[str, Any]:
    """The response object. `said` holds its status, and what else is known of it."""
    return {
        "id": head.id,
        "object": "response",
        "created_at": head.created,
        "model": head.model,
        "output": output,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "store": head.stored,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "truncation": "disabled",
        "usage": None,
        **said,
    }


def item_id(head: Head, prefix: str, place: int) -> str:
    return f"{prefix}_{head.id.removeprefix('resp_')}_{place}"


def message_item(id: str, content: list[dict[str, Any]], phase: str | None) -> dict[str, Any]:
    item = {"id": id, "type": "message", "role": "assistant", "status": "completed"}
    return {**item, "content": content} | ({"phase": phase} if phase is not None else {})


def reasoning_item(id: str, text: str, encrypted: str | None) -> dict[str, Any]:
    item = {"id": id, "type": "reasoning", "summary": summary(text)}
    return item if encrypted is None else {**item, "encrypted_content": encrypted}


def call_item(id: str, call_id: str, name: str, arguments: str) -> dict[str, Any]:
    call = {"call_id": call_id, "name": name, "arguments": arguments}
    return {"id": id, "type": "function_call", "status": "completed", **call}


def encode_reply(reply: Reply, head: Head) -> dict[str, Any]:
    """A whole reply. The tokens' probabilities stand with its first text. Raises `BadReply` for
    one that broke off."""
    output: list[dict[str, Any]] = []
    tokens = write_tokens(reply.tokens)
    for item in grouped(reply.message.parts):
        place = len(output)
        match item:
            case Thinking(text, signature, redacted):
                own = sealed(signature) if signature and signature.owner == NAME else None
                if own or not redacted:
                    output.append(reasoning_item(item_id(head, "rs", place), text, own))
            case ToolCall(call_id, name, arguments):
                output.append(call_item(item_id(head, "fc", place), call_id, name, arguments))
            case _:
                content = [text_part(part) for part in item]
                for part in content:
                    if part["type"] == "output_text":
                        part["logprobs"], tokens = tokens, []
                output.append(message_item(item_id(head, "msg", place), content, phase_of(item)))
    refused = any(isinstance(part, Refusal) for part in reply.message.parts)
    end = end_fields(Finish(reply.finish), refused=refused)
    return response(head, output, {**end, "usage": usage_fields(reply.usage)})


def narrow_events(events: Sequence[Event]) -> list[Event]:
    """What of a reply's events the API can say."""
    out: list[Event] = []
    for event in events:
        match event:
            case Started():
                out.append(event)
            case TextDelta(text, tokens, signature):
                own = signature if signature and signature.owner == NAME else None
                known = read_tokens({"content": write_tokens(tokens)})
                if text or known or own:
                    out.append(TextDelta(text, known, own))
            case RefusalDelta(text) if text:
                out.append(event)
            case ThinkingDelta(text, signature, redacted):
                own = signature if signature and signature.owner == NAME else None
                if text or own:
                    out.append(ThinkingDelta(text, own, redacted and not text))
            case ToolCallDelta(index, id, name, arguments):
                out.append(ToolCallDelta(index, id, name, arguments))
            case UsageEvent(usage):
                out.append(UsageEvent(read_usage(usage_fields(usage))))
            case Finish():
                called = any(isinstance(e, ToolCallDelta) for e in out)
                refused = any(isinstance(e, RefusalDelta) for e in out)
                end = end_fields(event, refused=refused)
                out += read_end(end, called=called, refused=refused)
    return out
