"""Requests of the Responses API, written.

https://platform.openai.com/docs/api-reference/responses/create
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...messages import (
    Media,
    Message,
    Options,
    Request,
    ResponseFormat,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    ToolSpec,
)
from ..base import Outgoing
from ..json_text import drop_none
from ..narrowing import Notes
from .items import grouped, media_part, opened, phase_of, summary, text_part
from .narrow import narrow

LOGPROBS = "message.output_text.logprobs"
ENCRYPTED = "reasoning.encrypted_content"


def encode_request(
    request: Request, model: str, *, stream: bool, traits: frozenset[str] = frozenset()
) -> Outgoing:
    """The body for `POST responses`. Nothing is stored there, so thinking comes back encrypted.

    Raises `CannotExpress`.
    """
    notes: Notes = {}
    request = narrow(request, notes)
    options, messages = request.options, request.messages
    instructions = _instructions(messages)
    items = messages if instructions is None else messages[1:]
    body: dict[str, Any] = {
        "model": model,
        "instructions": instructions,
        "input": [item for message in items for item in _items(message)],
        "store": False,
        "max_output_tokens": options.max_tokens,
        "temperature": options.temperature,
        "top_p": options.top_p,
        "top_logprobs": options.alternatives or None,
        "reasoning": _reasoning(options, "no-summary" in traits),
        "include": _include(request) or None,
        "text": _text(request.response_format),
        "tools": [_tool(tool) for tool in request.tools] or None,
        "tool_choice": _tool_choice(request),
        "parallel_tool_calls": request.parallel_tools,
        "stream": stream or None,
    }
    return Outgoing("responses", drop_none(body), tuple(notes))


def _instructions(messages: tuple[Message, ...]) -> str | None:
    """The system's message that opens the conversation, where it is one text."""
    if messages and messages[0].role == "system" and len(messages[0].parts) == 1:
        return messages[0].text
    return None


def _items(message: Message) -> Iterator[dict[str, Any]]:
    match message.role:
        case "assistant":
            for item in grouped(message.parts):
                match item:
                    case Thinking(text, signature):
                        assert signature is not None, "thinking without a signature is not sent"
                        yield {"type": "reasoning", "summary": summary(text), **opened(signature)}
                    case ToolCall(id, name, arguments):
                        call = {"call_id": id, "name": name, "arguments": arguments}
                        yield {"type": "function_call", **call}
                    case _:
                        content = [text_part(part) for part in item]
                        phase = phase_of(item)
                        said = {"type": "message", "role": "assistant", "content": content}
                        yield said if phase is None else {**said, "phase": phase}
        case "tool":
            yield from (_result(part) for part in message.parts if isinstance(part, ToolResult))
        case role:
            yield {"type": "message", "role": role, "content": _content(message)}


def _content(message: Message) -> str | list[dict[str, Any]]:
    if len(message.parts) == 1 and isinstance(message.parts[0], Text):
        return message.parts[0].text
    return [
        media_part(part) if isinstance(part, Media) else {"type": "input_text", "text": part.text}
        for part in message.parts
        if isinstance(part, Media | Text)
    ]


def _result(part: ToolResult) -> dict[str, Any]:
    output: str | list[dict[str, Any]] = part.text
    if part.media:
        output = [{"type": "input_text", "text": part.text}] if part.text else []
        output += [media_part(media) for media in part.media]
    return {"type": "function_call_output", "call_id": part.id, "output": output}


def _reasoning(options: Options, silent: bool) -> dict[str, Any] | None:
    if options.effort is None:
        return None
    reasoning = {"effort": options.effort}
    return reasoning if silent or options.effort == "none" else {**reasoning, "summary": "auto"}


def _include(request: Request) -> list[str]:
    """What has to be asked for. A model that does not think refuses to encrypt its thoughts."""
    thinks = request.options.effort not in (None, "none") or any(
        isinstance(part, Thinking) for message in request.messages for part in message.parts
    )
    logprobs = request.options.alternatives is not None
    return [ENCRYPTED] * thinks + [LOGPROBS] * logprobs


def _text(form: ResponseFormat | None) -> dict[str, Any] | None:
    if form is None:
        return None
    if form.schema is None:
        return {"format": {"type": "json_object"}}
    named = {"name": form.name, "strict": form.strict, "schema": dict(form.schema)}
    return {"format": {"type": "json_schema", **named}}


def _tool(tool: ToolSpec) -> dict[str, Any]:
    return drop_none(
        {
            "type": "function",
            "name": tool.name,
            "description": tool.description or None,
            "parameters": dict(tool.parameters),
            "strict": tool.strict,
        }
    )


def _tool_choice(request: Request) -> str | dict[str, str] | None:
    choice = request.tool_choice
    if choice == "auto":
        return None
    return choice if choice in ("none", "required") else {"type": "function", "name": choice}
