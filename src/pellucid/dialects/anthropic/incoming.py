"""Requests of the Messages API, read.

https://platform.claude.com/docs/en/api/messages/create
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...errors import BadRequest
from ...messages import Effort, Options, Request, ResponseFormat, ToolSpec
from .. import fields
from ..base import Incoming
from ..narrowing import Notes, note, note_unread, unread
from .blocks import read_messages
from .narrow import NAME

READ = {
    *("model", "messages", "system", "max_tokens", "stream", "temperature", "top_p", "top_k"),
    *("stop_sequences", "tools", "tool_choice", "thinking", "output_config"),
}
"""The fields of a request that are understood; all others are told of in a note."""
READ_OF_TOOL = ("type", "name", "description", "input_schema", "strict")
EFFORTS: dict[str, Effort] = {
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
    "max": "high",
}


def decode_request(body: Mapping[str, Any], path: str = "") -> Incoming:
    """A request for an answer or, at the path `messages/count_tokens`, for a count.

    Raises `BadRequest` naming the field.
    """
    notes: Notes = {}
    note_unread(body, READ, notes)
    counts = path.endswith("count_tokens")
    tools = tuple(_read_tool(tool, where, notes) for where, tool in fields.objects(body, "tools"))
    choice, parallel = _read_tool_choice(body, tools)
    config = fields.take(body, "output_config", dict) or {}
    request = Request(
        read_messages(body, notes),
        tools,
        _read_options(body, config, counts, notes),
        response_format=_read_format(config),
        tool_choice=choice,
        parallel_tools=parallel,
    )
    stream = fields.take(body, "stream", bool) or False
    model, extra = fields.need(body, "model", str), unread(body, notes, NAME)
    return Incoming(request, model, stream, tuple(notes), extra=extra)


def _read_options(
    body: Mapping[str, Any], config: Mapping[str, Any], counts: bool, notes: Notes
) -> Options:
    if not counts:
        fields.need(body, "max_tokens", int)
    stop = fields.take(body, "stop_sequences", list) or []
    effort, budget = _read_thinking(body, config, notes)
    return Options(
        **{
            name: fields.option(name, body[name], name)
            for name in ("temperature", "top_p", "top_k", "max_tokens")
            if name in body
        },
        stop=tuple(fields.want(text, str, f"stop_sequences[{i}]") for i, text in enumerate(stop)),
        effort=effort,
        thinking_tokens=budget,
    )


def _read_thinking(
    body: Mapping[str, Any], config: Mapping[str, Any], notes: Notes
) -> tuple[Effort | None, int | None]:
    word = fields.take(config, "effort", str, "output_config")
    if word is not None and word not in EFFORTS:
        raise BadRequest(
            f"output_config.effort is {word!r}; it can be {', '.join(EFFORTS)}.",
            "output_config.effort",
        )
    effort = None if word is None else EFFORTS[word]
    if effort != word:
        note(notes, f"output_config.effort {word} was read as {effort}.")
    thinking = fields.take(body, "thinking", dict) or {}
    match thinking.get("type"):
        case "disabled":
            return "none", None
        case "enabled":
            place = "thinking.budget_tokens"
            budget = fields.need(thinking, "budget_tokens", int, "thinking")
            return effort, fields.option("thinking_tokens", budget, place)
        case "adaptive":
            return effort or "high", None
        case "between_tools":
            note(notes, "thinking: whether it is between calls of tools is for the model here.")
            return effort, None
        case None if not thinking:
            return effort, None
        case other:
            raise BadRequest(f"thinking.type is {other!r}, which is not known.", "thinking.type")


def _read_format(config: Mapping[str, Any]) -> ResponseFormat | None:
    value = fields.take(config, "format", dict, "output_config")
    if value is None:
        return None
    where = "output_config.format"
    if value.get("type") != "json_schema":
        raise BadRequest(f'{where}.type must be "json_schema".', f"{where}.type")
    return ResponseFormat(fields.need(value, "schema", dict, where))


def _read_tool(tool: Mapping[str, Any], where: str, notes: Notes) -> ToolSpec:
    note_unread(tool, READ_OF_TOOL, notes, where)
    if tool.get("type", "custom") not in ("custom", None):
        raise BadRequest(
            f"{where} is {tool['type']}, a tool that Anthropic runs: it cannot be run here.",
            f"{where}.type",
        )
    return ToolSpec(
        fields.need(tool, "name", str, where),
        fields.take(tool, "description", str, where) or "",
        fields.need(tool, "input_schema", dict, where),
        fields.take(tool, "strict", bool, where) or False,
    )


def _read_tool_choice(
    body: Mapping[str, Any], tools: Iterable[ToolSpec]
) -> tuple[str, bool | None]:
    value = fields.take(body, "tool_choice", dict)
    if value is None:
        return "auto", None
    single = fields.take(value, "disable_parallel_tool_use", bool, "tool_choice")
    parallel = None if single is None else not single
    match value.get("type"):
        case "auto" | "none" as word:
            return word, parallel
        case "any":
            return "required", parallel
        case "tool":
            name = fields.need(value, "name", str, "tool_choice")
            if name not in (tool.name for tool in tools):
                raise BadRequest(f"tool_choice names {name!r}, which is not among the tools.",
                                 "tool_choice.name")  # fmt: skip
            return name, parallel
        case other:
            raise BadRequest(f"tool_choice.type is {other!r}.", "tool_choice.type")
