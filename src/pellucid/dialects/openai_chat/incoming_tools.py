"""The tools of a request that came in, and which of them may or must be called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import BadRequest
from ...messages import ToolSpec
from ..fields import need, objects, take, want
from ..narrowing import Notes, note

TOOLS = {"tools", "functions", "tool_choice", "function_call", "parallel_tool_calls"}
WORDS = ("auto", "none", "required")


def read_tools(
    body: Mapping[str, Any], notes: Notes
) -> tuple[tuple[ToolSpec, ...], str, bool | None]:
    """The tools, the choice among them, and whether one reply may hold several calls."""
    tools = []
    for where, tool in objects(body, "tools"):
        kind = take(tool, "type", str, where) or "function"
        if kind != "function":
            raise BadRequest(
                f"{where}.type is {kind!r}; only functions are read here.", f"{where}.type"
            )
        tools.append(_tool(need(tool, "function", dict, where), f"{where}.function"))
    for where, function in objects(body, "functions"):
        note(notes, "functions were read as tools; calls of them are answered as tool_calls.")
        tools.append(_tool(function, where))
    chosen = body.get("tool_choice") or body.get("function_call")
    choice, allowed = _choice(chosen, {tool.name for tool in tools})
    if not tools:
        if choice not in ("auto", "none"):
            raise BadRequest("tool_choice asks for a call, but there are no tools.", "tool_choice")
        return (), "auto", None
    kept = tuple(tool for tool in tools if allowed is None or tool.name in allowed)
    return kept, choice, take(body, "parallel_tool_calls", bool)


def _tool(function: Mapping[str, Any], where: str) -> ToolSpec:
    return ToolSpec(
        need(function, "name", str, where),
        take(function, "description", str, where) or "",
        take(function, "parameters", dict, where) or {},
        take(function, "strict", bool, where) or False,
    )


def _choice(chosen: object, names: set[str]) -> tuple[str, set[str] | None]:
    """The choice, and the names of the tools that it leaves (`None`: all)."""
    where = "tool_choice"
    if chosen is None:
        return "auto", None
    if isinstance(chosen, str):
        if chosen not in WORDS:
            raise BadRequest(
                f"{where} is {chosen!r}; it can be {', '.join(WORDS)} or an object that names a "
                "function.",
                where,
            )
        return chosen, None
    choice = want(chosen, dict, where)
    if choice.get("type") == "allowed_tools":
        inner = need(choice, "allowed_tools", dict, where)
        where = f"{where}.allowed_tools"
        mode = need(inner, "mode", str, where)
        return _choice(mode, names)[0], {
            _known(tool, names, place) for place, tool in objects(inner, "tools", where)
        }
    return _known(choice, names, where), None


def _known(choice: Mapping[str, Any], names: set[str], where: str) -> str:
    """The name in `{"function": {"name": ..}}` or, as of old, in `{"name": ..}`."""
    if isinstance(choice.get("function"), dict):
        choice, where = choice["function"], f"{where}.function"
    name = need(choice, "name", str, where)
    if name not in names or name in WORDS:
        raise BadRequest(f"{where}.name is {name!r}, which is none of the tools.", where)
    return name
