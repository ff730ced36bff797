"""What a reply may look like when tools are offered, as the engine is told it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..messages import ToolSpec
from .call_formats import JSON, CallFormat
from .grammar import Grammar, quoted

MOST_CALLS = 8
"""Calls in one reply: a small model may go on for ever."""

WORDS: Mapping[str, Any] = {"grammar": r"root ::= [^{<\x5b\x60 \t\r\n] [^\x00]*" + "\n"}
"""An answer in words: it does not begin as a call does, with a bracket, a tag or a code fence."""


def calls(tools: Sequence[ToolSpec], form: CallFormat, *, several: bool) -> dict[str, Any]:
    """Nothing but calls of `tools`, as the template will write them when they are sent again."""
    grammar = Grammar()
    text = grammar.text(_calls(grammar, tools, form, several), plain=True)
    return {"grammar": text, "preserved_tokens": _marks(form)}


def calls_once_begun(
    tools: Sequence[ToolSpec], form: CallFormat, *, several: bool
) -> dict[str, Any]:
    """Anything; but what begins as a call goes on as one. llama.cpp's lazy grammar."""
    grammar = Grammar()
    ways = [_calls(grammar, tools, form, several)]
    alone = replace(JSON, name=form.name, arguments=form.arguments)
    ways.append(_calls(grammar, tools, alone, several) + r' ("\n"? "```")?')
    pattern = r'^\s*(?:```(?:json)?\s*)?(\{\s*"name"\s*:)[\s\S]*'
    words = [{"type": 1, "value": opener} for opener in form.openers]
    return {
        "grammar": grammar.text(" | ".join(ways)),
        "grammar_lazy": True,
        "grammar_triggers": [*words, {"type": 2, "value": pattern}],
        "preserved_tokens": _marks(form),
    }


def _calls(grammar: Grammar, tools: Sequence[ToolSpec], form: CallFormat, several: bool) -> str:
    """One call, or several of them, as an expression."""
    each = " | ".join(_call(grammar, tool, form) for tool in tools)
    call = f"{_text(form.before)}({each}){_text(form.after)}"
    more = f" ({_text(form.between)}{call}){{0,{MOST_CALLS - 1}}}"
    return (
        _text(form.opening)
        + call
        + (more if several and form.several else "")
        + _text(form.closing)
    )


def _call(grammar: Grammar, tool: ToolSpec, form: CallFormat) -> str:
    arguments = grammar.of(tool.parameters or {"type": "object"})
    return (
        f'"{{" ws {quoted(_key(form.name))} ws ":" sp {quoted(_key(tool.name))} ws "," sp '
        f'{quoted(_key(form.arguments))} ws ":" sp {arguments} ws "}}"'
    )


def _key(word: str) -> str:
    return f'"{word}"'


def _text(words: str) -> str:
    return f" {quoted(words)} " if words else ""


def _marks(form: CallFormat) -> list[str]:
    """Control tokens that are to show in the engine's text."""
    return [*form.openers, *([form.after.strip()] if form.after else [])]
