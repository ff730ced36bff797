"""Calls of tools found in what a local model writes.

Every family has a way of its own, and small models forget it: they write the object alone, or in
a code fence. All of these are recognised; what is no call of a tool that was offered stays text.
"""

from __future__ import annotations

import ast
import json
import random
import re
import string
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from ..replies import Event, Finish, TextDelta, ToolCallDelta
from .call_formats import PYTHON_TAG, TOOL_CALLS, CallFormat

WRAPPER = "function"
"""`{"type": "function", "function": {"name": ..., "arguments": ...}}`, OpenAI's shape."""
NAMES = ("name", "tool_name", WRAPPER)
ARGUMENTS = ("arguments", "parameters")
FIRST_KEYS = (*NAMES, *ARGUMENTS, "id", "type", "tool_call_id")
FENCE = "```"
ID_LENGTH = 9
"""Mistral's templates take no other."""

_decode = json.JSONDecoder().raw_decode
_fence = re.compile(r"(?:```[a-z]*)?\s*")
_blank = re.compile(r"\s*")
_closer = re.compile(r"\s*(?:</tool_call>|<\|END_ACTION\|>|```|[;,\]])?\s*")
CLOSERS = ("</tool_call>", "<|END_ACTION|>", FENCE)
_name = re.compile(r"[\w.-]*")
_before_arguments = re.compile(r"(?:\[CALL_ID\]\w+)?(?:\[ARGS\])?\s*")


class _Call(NamedTuple):
    name: str
    arguments: str


class _Unfinished(Exception):
    """The text ends before it can be told what it is."""


class CallScanner:
    """Turns a model's events into text and calls.

    Text passes at once; what may be the beginning of a call is held back until that is known.
    Tokens pass as they come. `names` are those of the tools offered; `seed` makes the calls' ids.
    """

    def __init__(self, names: Collection[str], form: CallFormat, seed: int | None = None) -> None:
        self._names = names
        self._literals = (*form.openers, FENCE)
        self._opener = re.compile("|".join([*map(re.escape, self._literals), r"\{", r"\["]))
        self._held = ""
        self._count = 0
        self._after = False
        """Whether a call was the last thing: its closing mark and blanks say nothing."""
        self._random = random.Random(seed)

    def events(self, event: Event) -> Iterator[Event]:
        match event:
            case TextDelta(text, tokens):
                pieces = list(self._pieces(text))
                # The tokens of a delta come with its first words, or alone.
                words = pieces.pop(0) if pieces and isinstance(pieces[0], str) else ""
                yield TextDelta(str(words), tokens)
                yield from map(self._event, pieces)
            case Finish(reason=reason):
                yield from map(self._event, self._pieces("", final=True))
                called = self._count and reason == "stop"
                yield replace(event, reason="tool_calls") if called else event
            case _:
                yield event

    def _event(self, piece: str | _Call) -> Event:
        if isinstance(piece, str):
            return TextDelta(piece)
        letters = self._random.choices(string.ascii_letters + string.digits, k=ID_LENGTH)
        self._count += 1
        return ToolCallDelta(self._count - 1, "".join(letters), piece.name, piece.arguments)

    def _pieces(self, text: str, *, final: bool = False) -> Iterator[str | _Call]:
        """What can be told of all that is held."""
        self._held += text
        while self._held:
            if self._after:
                if not final and any(c.startswith(self._held.strip()) for c in CLOSERS):
                    return
                self._take(_end(_closer, self._held, 0))
                self._after = False
            place = self._place(final)
            if words := self._take(place):
                yield words
            if not self._held:
                return
            if final and not self._held.strip():
                if not self._count:
                    yield self._take(len(self._held))
                return
            start = _end(_blank, self._held, 0)
            rest = self._held[start:]
            if not final and any(word != rest and word.startswith(rest) for word in self._literals):
                return  # the beginning of an opener, or blanks before one
            try:
                calls, end = self._calls(start)
            except (_Unfinished, ValueError, RecursionError) as problem:
                if isinstance(problem, _Unfinished) and not final:
                    return
                yield self._take(start + 1)
                continue
            self._take(end)
            self._after = True
            yield from calls

    def _take(self, count: int) -> str:
        taken, self._held = self._held[:count], self._held[count:]
        return taken

    def _place(self, final: bool) -> int:
        """How much of what is held is text for certain. Blanks wait for what follows them: those
        before a call are not text."""
        found = self._opener.search(self._held)
        if found is not None:
            return len(self._held[: found.start()].rstrip())
        if final:
            return len(self._held.rstrip()) if self._count else len(self._held)
        keep = max(_overlap(self._held, literal) for literal in self._literals)
        return len(self._held[: len(self._held) - keep].rstrip())

    def _calls(self, start: int) -> tuple[list[_Call], int]:
        """The calls that begin at `start`, where an opener stands, and where they end.

        Raises `ValueError` for what can be no call.
        """
        opener = self._opener.match(self._held, start)
        assert opener is not None
        word = opener.group()
        at = start if word in "{[`" or word == FENCE else opener.end()
        at = _end(_blank, self._held, at)
        if FENCE.startswith(self._held[at:]):
            raise _Unfinished
        at = _end(_fence, self._held, at)
        if at == len(self._held):
            raise _Unfinished
        if word == PYTHON_TAG and self._held[at] not in "{[":
            calls = [_python_call(self._held[at:])]
            end = len(self._held)
        elif word == TOOL_CALLS and self._held[at] not in "{[":
            call, end = self._named_call(at)
            calls = [call]
        else:
            members, end = _objects(self._held, at)
            calls = [_call(each) for each in members]
        if not calls or any(call.name not in self._names for call in calls):
            raise ValueError("no call of a tool that was offered")
        return calls, end

    def _named_call(self, at: int) -> tuple[_Call, int]:
        """`get_weather[ARGS]{"city": "Rome"}`, as Mistral's templates have it since version 11."""
        name = _name.match(self._held, at)
        assert name is not None
        if name.end() == len(self._held) and any(n.startswith(name[0]) for n in self._names):
            raise _Unfinished
        if name[0] not in self._names:
            raise ValueError("no tool that was offered")
        brace = self._held.find("{", name.end())
        if brace < 0:
            raise _Unfinished
        if not _before_arguments.fullmatch(self._held, name.end(), brace):
            raise ValueError("no arguments")
        try:
            _, end = _decode(self._held, brace)
        except ValueError as error:
            raise _Unfinished from error
        return _Call(name[0], self._held[brace:end]), end


def _objects(text: str, at: int) -> tuple[list[dict[str, str]], int]:
    """The JSON object at `at`, or those of an array, as keys and the texts of their values."""
    inner = _end(_blank, text, at + 1) if text[at] == "[" else at
    _require_beginning(text, inner)
    try:
        _, end = _decode(text, at)
    except ValueError as error:
        raise _Unfinished from error
    objects = []
    while text[inner] == "{":
        members, inner = _members(text, inner)
        objects.append(members)
        if text[at] != "[":
            break
        inner = _end(re.compile(r"\s*,?\s*"), text, inner)
    return objects, end


def _require_beginning(text: str, at: int) -> None:
    """Raises `ValueError` unless an object that may be a call begins at `at`."""
    if at < len(text) and text[at] != "{":
        raise ValueError("no object")
    at = _end(_blank, text, at + 1)
    key, closed, _ = text[at + 1 :].partition('"')
    if at < len(text) and text[at] != '"':
        raise ValueError("no key")
    if not (key in FIRST_KEYS if closed else any(k.startswith(key) for k in FIRST_KEYS)):
        raise ValueError("not the key of a call")


def _members(text: str, at: int) -> tuple[dict[str, str], int]:
    """The object at `at`, known to be valid JSON: the text of each value, and where it ends."""
    members = {}
    at = _end(_blank, text, at + 1)
    while text[at] != "}":
        key, at = _decode(text, at)
        at = _end(re.compile(r"\s*:\s*"), text, at)
        _, end = _decode(text, at)
        members[key] = text[at:end]
        at = _end(re.compile(r"\s*,?\s*"), text, end)
    return members, at + 1


def _call(members: dict[str, str]) -> _Call:
    """Raises `ValueError` where the members are not those of a call."""
    if members.get(WRAPPER, "").startswith("{"):
        members, _ = _members(members[WRAPPER], 0)
    names = [json.loads(members[key]) for key in NAMES if key in members]
    texts = [members[key] for key in ARGUMENTS if key in members]
    if not names or not texts:
        raise ValueError("no name, or no arguments")
    value = json.loads(texts[0])
    if isinstance(value, str):  # JSON inside JSON, as OpenAI's API writes it
        texts, value = [value], json.loads(value)
    if not isinstance(value, dict) or not isinstance(names[0], str):
        raise ValueError("arguments are an object")
    return _Call(names[0], texts[0])


def _python_call(text: str) -> _Call:
    """`get_weather.call(city="Rome")`, Llama's way for its built-in tools."""
    try:
        call = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise _Unfinished from error
    match call:
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="call"), args=[]):
            given: dict[str, Any] = {
                str(word.arg): ast.literal_eval(word.value) for word in call.keywords
            }
            return _Call(name, json.dumps(given, ensure_ascii=False))
    raise _Unfinished


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    """Where `pattern`, which matches nothing at the least, ends at `at`."""
    found = pattern.match(text, at)
    assert found is not None
    return found.end()


def _overlap(text: str, literal: str) -> int:
    """Length of the longest end of `text` that begins `literal`."""
    lengths = range(min(len(text), len(literal) - 1), 0, -1)
    return next((n for n in lengths if literal.startswith(text[-n:])), 0)
