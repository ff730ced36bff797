"""Requests of the Responses API, read.

https://platform.openai.com/docs/api-reference/responses/create
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import BadRequest
from ...messages import Effort, Message, Options, Request, ResponseFormat, Text, ToolSpec
from .. import fields
from ..base import Incoming
from ..efforts import read_effort
from ..narrowing import Notes, note, note_unread, unread
from .input_items import read_input
from .narrow import NAME
from .requests import ENCRYPTED, LOGPROBS

READ = (
    *("model", "input", "instructions", "stream", "max_output_tokens", "temperature", "top_p"),
    *("top_logprobs", "include", "text", "tools", "tool_choice", "parallel_tool_calls"),
    *("reasoning", "store"),
)
"""The fields of a request that are understood; all others are told of in a note."""
KEPT_THERE = {
    "previous_response_id": "send the whole conversation as input",
    "conversation": "send the whole conversation as input",
    "prompt": "send its words as instructions and input",
    "background": "leave it away and wait for the answer, or stream it",
}
"""Fields that mean something kept at OpenAI, and what to do where nothing is kept."""
NOT_STORED = "store is false: the caller does not find this answer by its id."
"""The note of a request whose answer is not to be found again."""
WORDS = ("auto", "none", "required")


def decode_request(body: Mapping[str, Any], path: str = "") -> Incoming:
    """Raises `BadRequest` naming the field."""
    notes: Notes = {}
    for name, instead in KEPT_THERE.items():
        if body.get(name):
            raise BadRequest(f"{name} means nothing here, nothing is kept: {instead}.", name)
    note_unread(body, (*READ, *KEPT_THERE), notes)
    tools, choice = _tools(body)
    messages = read_input(body, notes)
    if instructions := fields.take(body, "instructions", str):
        messages = (Message("system", (Text(instructions),)), *messages)
    request = Request(
        messages,
        tools,
        _options(body, notes),
        response_format=_format(body, notes),
        tool_choice=choice,
        parallel_tools=fields.take(body, "parallel_tool_calls", bool) if tools else None,
    )
    stream = fields.take(body, "stream", bool) or False
    model, extra = fields.need(body, "model", str), unread(body, notes, NAME)
    store = fields.take(body, "store", bool) is not False
    told = tuple(notes) if store else (*notes, NOT_STORED)
    return Incoming(request, model, stream, told, extra=extra, store=store)


def _options(body: Mapping[str, Any], notes: Notes) -> Options:
    include = fields.take(body, "include", list) or []
    for name in include:
        if name not in (LOGPROBS, ENCRYPTED):
            note(notes, f"include: {name} means nothing here and was left out.", "include")
    alternatives = fields.option("alternatives", body.get("top_logprobs"), "top_logprobs")
    if alternatives is None and LOGPROBS in include:
        alternatives = 0
    return Options(
        temperature=fields.option("temperature", body.get("temperature"), "temperature"),
        top_p=fields.option("top_p", body.get("top_p"), "top_p"),
        max_tokens=fields.option("max_tokens", body.get("max_output_tokens"), "max_output_tokens"),
        alternatives=alternatives,
        effort=_effort(body, notes),
    )


def _effort(body: Mapping[str, Any], notes: Notes) -> Effort | None:
    reasoning = fields.take(body, "reasoning", dict) or {}
    word = fields.take(reasoning, "effort", str, "reasoning")
    return read_effort(word, "reasoning.effort", notes)


def _format(body: Mapping[str, Any], notes: Notes) -> ResponseFormat | None:
    text = fields.take(body, "text", dict) or {}
    if text.get("verbosity") is not None:
        note(notes, "text.verbosity means nothing here and was left out.", "text")
    form = fields.take(text, "format", dict, "text")
    where = "text.format"
    match form and form.get("type"):
        case None | "text":
            return None
        case "json_object":
            return ResponseFormat()
        case "json_schema":
            assert form is not None
            return ResponseFormat(
                fields.need(form, "schema", dict, where),
                fields.need(form, "name", str, where),
                fields.take(form, "strict", bool, where) or False,
            )
        case other:
            raise BadRequest(
                f"{where}.type is {other!r}; it can be text, json_object or json_schema.",
                f"{where}.type",
            )


def _tools(body: Mapping[str, Any]) -> tuple[tuple[ToolSpec, ...], str]:
    """The tools, and the choice among them: a word, or the name of one."""
    tools = [_tool(tool, where) for where, tool in fields.objects(body, "tools")]
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and choice.get("type") == "allowed_tools":
        allowed = {tool.get("name") for _, tool in fields.objects(choice, "tools", "tool_choice")}
        tools = [tool for tool in tools if tool.name in allowed]
        choice = choice.get("mode")
    if isinstance(choice, dict):
        choice = choice.get("name") if choice.get("type") == "function" else choice.get("type")
        if choice not in {tool.name for tool in tools} or choice in WORDS:
            raise BadRequest(
                f"tool_choice names {choice!r}, which is none of the tools.", "tool_choice"
            )
    if choice is not None and not isinstance(body.get("tool_choice"), dict) and choice not in WORDS:
        raise BadRequest(
            f"tool_choice is {choice!r}; it can be {', '.join(WORDS)} or name a function.",
            "tool_choice",
        )
    return tuple(tools), str(choice or "auto") if tools else "auto"


def _tool(tool: Mapping[str, Any], where: str) -> ToolSpec:
    if tool.get("type") != "function":
        raise BadRequest(
            f"{where} is of type {tool.get('type')!r}; only functions can be called here.",
            f"{where}.type",
        )
    return ToolSpec(
        fields.need(tool, "name", str, where),
        fields.take(tool, "description", str, where) or "",
        fields.take(tool, "parameters", dict, where) or {},
        fields.take(tool, "strict", bool, where) or False,
    )
