"""The shapes in which people write conversations, read once, at the edge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .errors import UsageError
from .messages import (
    ROLES,
    Message,
    Part,
    Request,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    ToolSpec,
    text_message,
)


def as_messages(value: object) -> tuple[Message, ...]:
    """Normalise every accepted shape of a conversation, once, at the edge.

    Accepted: a string (one user message), a `Message`, a list of `Message` or of
    `{"role": .., "content": ..}` dictionaries, and a list of `[user, assistant]` pairs, whose
    assistant may be `None`. Raises `UsageError` naming the item that is none of these.
    """
    if isinstance(value, str):
        return (text_message("user", value),)
    if isinstance(value, Message):
        return (value,)
    if isinstance(value, Mapping) or not isinstance(value, Sequence):
        raise UsageError(f"A conversation is a string or a list, not {type(value).__name__}.")
    out: list[Message] = []
    for i, item in enumerate(value):
        if isinstance(item, Message):
            out.append(item)
        elif isinstance(item, Mapping):
            out.append(_from_dict(item, i))
        elif isinstance(item, Sequence) and not isinstance(item, str) and len(item) == 2:
            out.extend(_from_pair(item, i))
        else:
            raise UsageError(
                f"Item {i} of the conversation is {type(item).__name__}; expected a message, a "
                'dictionary with "role" and "content", or a pair [user, assistant].'
            )
    return tuple(out)


def as_request(text: str, where: str) -> Request:
    """A conversation as JSON: a list of messages, or `{"messages": [..], "tools": [..]}`.

    Raises `UsageError` saying what is wrong with it; `where` says what was read.
    """
    import json

    try:
        given: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where} is not JSON: {error}.") from error
    whole = given if isinstance(given, dict) else {"messages": given}
    if "messages" not in whole:
        keys = ", ".join(map(json.dumps, whole)) or "nothing"
        raise UsageError(
            f'{where} is an object with {keys:.200}, but without "messages", which are a list of '
            '{"role": .., "content": ..}.'
        )
    messages = as_messages(whole["messages"])
    if not messages:
        raise UsageError(f"{where} has no messages.")
    return Request(messages, read_tools(whole.get("tools") or (), where))


def read_tools(value: object, where: str) -> tuple[ToolSpec, ...]:
    """Tools as OpenAI's API takes them. Raises `UsageError`; `where` says what it is about."""
    out = []
    for n, item in enumerate(value if isinstance(value, Sequence) else [value]):
        tool = item.get("function", item) if isinstance(item, dict) else None
        if not isinstance(tool, dict) or not isinstance(tool.get("name"), str):
            raise UsageError(f"Tool {n} of {where} has no name.")
        parameters = tool.get("parameters") or {}
        if not isinstance(parameters, dict):
            raise UsageError(f"The parameters of the tool {tool['name']!r} are no JSON schema.")
        out.append(ToolSpec(tool["name"], str(tool.get("description", "")), parameters))
    return tuple(out)


def _from_pair(pair: Sequence[object], i: int) -> list[Message]:
    out: list[Message] = []
    for role, text in zip(("user", "assistant"), pair, strict=True):
        if text is None:
            continue
        if not isinstance(text, str):
            raise UsageError(f"The {role}'s side of pair {i} is {type(text).__name__}, not text.")
        out.append(text_message("user" if role == "user" else "assistant", text))
    return out


def _from_dict(item: Mapping[str, Any], i: int) -> Message:
    role = item.get("role")
    if role == "developer":  # OpenAI's newer word for the system's role
        role = "system"
    if role not in ROLES:
        raise UsageError(
            f"Message {i} has the role {role!r}; the roles are {', '.join(ROLES)} (and developer)."
        )
    content = item.get("content")
    parts: list[Part] = []
    if isinstance(item.get("reasoning_content"), str) and item["reasoning_content"]:
        parts.append(Thinking(item["reasoning_content"]))
    if role == "tool":
        text = content if isinstance(content, str) else "".join(p.text for p in _texts(content, i))
        parts.append(ToolResult(str(item.get("tool_call_id", "")), str(item.get("name", "")), text))
    elif isinstance(content, str):
        parts.append(Text(content))
    elif content is not None:
        parts.extend(_texts(content, i))
    elif not item.get("tool_calls"):
        raise UsageError(f'Message {i} has no "content".')
    calls = item.get("tool_calls") or ()
    if not isinstance(calls, Sequence):
        raise UsageError(f'The "tool_calls" of message {i} are not a list.')
    parts += [_call(call, i) for call in calls]
    return Message(role, tuple(parts))


def _call(call: object, i: int) -> ToolCall:
    function = call.get("function", call) if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise UsageError(f"Message {i} calls a tool without saying its name.")
    assert isinstance(call, Mapping)
    arguments = _json_text(function.get("arguments", {}))
    return ToolCall(str(call.get("id", "")), function["name"], arguments)


def _texts(content: object, i: int) -> list[Text]:
    if not isinstance(content, Sequence):
        raise UsageError(f"The content of message {i} is {type(content).__name__}, not text.")
    out = []
    for part in content:
        if not isinstance(part, Mapping) or not isinstance(part.get("text"), str):
            raise UsageError(f"Message {i} has a part that is not text; only text is read here.")
        out.append(Text(part["text"]))
    return out


def _json_text(value: object) -> str:
    if isinstance(value, str):
        return value
    import json

    return json.dumps(value, ensure_ascii=False)
