"""What prompts are measured against: jinja2 set up as Hugging Face transformers sets it up, the
templates of the common families, a tokenizer simple enough to check by eye."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from pellucid.messages import Message, Request, Text, Thinking, ToolCall, ToolResult, ToolSpec
from pellucid.prompt import families
from pellucid.prompt.fence import Plain
from pellucid.prompt.variables import template_variables
from pellucid.shapes import as_messages
from pellucid.tokens.blanks import Side
from pellucid.tokens.encoding import Encoding

NOW = datetime(2024, 7, 26, 12, 30)

TEMPLATES = {name: families.family(name).format for name in families.names()}


class _Generation(Extension):
    """Training frameworks' mark around what the assistant wrote."""

    tags = {"generation"}  # noqa: RUF012

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_body"), [], [], body).set_lineno(line)

    def _body(self, caller: Any) -> str:
        return str(caller())


@cache
def reference(source: str) -> jinja2.Template:
    """A template as transformers compiles it."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols]
    )

    def refuse(message: str) -> None:
        raise jinja2.TemplateError(message)

    environment.filters["tojson"] = lambda value, ensure_ascii=False, **how: json.dumps(
        value, ensure_ascii=ensure_ascii, **how
    )
    environment.globals["raise_exception"] = refuse
    environment.globals["strftime_now"] = NOW.strftime
    return environment.from_string(source)


def rendered_by_reference(source: str, request: Request, bos: str = "", eos: str = "") -> str:
    variables = template_variables(
        request, Plain(), generation=request.generation_prompt, bos=bos, eos=eos
    )
    return reference(source).render(**variables)


class Letters:
    """A tokenizer: control tokens, and for the rest one token for each two bytes."""

    name = "letters"

    def __init__(self, controls: Sequence[str] = (), bos: str = "", name: str = "letters") -> None:
        self.specials = {spelling: n for n, spelling in enumerate(controls)}
        self.bos = self.specials.get(bos)
        self.end_ids: frozenset[int] = frozenset()
        self.fingerprint = name
        self.encoded = 0
        """Characters that were tokenized so far."""

    def encode(self, text: str, *, specials: bool = False) -> Encoding:
        self.encoded += len(text)
        ids: list[int] = []
        offsets: list[tuple[int, int]] = []
        special: list[bool] = []
        longest_first = sorted(self.specials, key=len, reverse=True) if specials else []
        pattern = "|".join(map(re.escape, longest_first)) or "(?!)"
        done = 0
        for match in (*re.finditer(pattern, text), None):
            end = match.start() if match else len(text)
            owners = [n for n in range(done, end) for _ in text[n].encode()]
            data = text[done:end].encode()
            for n in range(0, len(data), 2):
                ids.append(1000 + int.from_bytes(data[n : n + 2].ljust(2, b"\0"), "big"))
                offsets.append((owners[n], owners[min(n + 1, len(data) - 1)] + 1))
                special.append(False)
            if match:
                ids.append(self.specials[match[0]])
                offsets.append(match.span())
                special.append(True)
                done = match.end()
        pieces = tuple(map(self.piece, ids))
        return Encoding(text, tuple(ids), pieces, tuple(offsets), tuple(special), self.fingerprint)

    def decode(self, ids: Sequence[int]) -> str:
        return b"".join(map(self.piece, ids)).decode("utf-8", "replace")

    def piece(self, id: int) -> bytes:
        if id < 1000:
            return {n: spelling for spelling, n in self.specials.items()}[id].encode()
        return (id - 1000).to_bytes(2, "big").rstrip(b"\0")

    @property
    def swallows(self) -> dict[str, Side]:
        return {}  # not told

    def lost(self, text: str) -> str:
        return ""


def conversation(*turns: tuple[str, str]) -> tuple[Message, ...]:
    return as_messages([{"role": role, "content": content} for role, content in turns])


WEATHER = ToolSpec(
    "get_weather",
    'The <weather> of a "city" & more',
    {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "Its name | in any script"},
            "days": {"type": "integer", "enum": [1, 2]},
        },
        "required": ["city"],
    },
)
CALL = Message("assistant", (ToolCall("abcdefghi", "get_weather", '{"city": "Köln", "days": 2}'),))
RESULT = Message("tool", (ToolResult("abcdefghi", "get_weather", '{"sky": "blue"}'),))

REQUESTS = {
    "one": Request(conversation(("user", "Hi"))),
    "system": Request(conversation(("system", "Be brief."), ("user", "Tell a joke."))),
    "turns": Request(
        conversation(("user", "Tell <a> joke"), ("assistant", "Ha!"), ("user", "More [x] | y"))
    ),
    "blanks": Request(
        conversation(("user", "  Hi\n"), ("assistant", "\n\nHa! "), ("user", "\n\nMore\n\n"))
    ),
    "markup": Request(conversation(("user", "<b>&amp;</b> {{ 7 * 7 }} {% if %} \\n \" '"))),
    "tools": Request(conversation(("system", "S"), ("user", "Weather?")), tools=(WEATHER,)),
    "calls": Request(
        (*conversation(("user", "Weather?")), CALL, RESULT, *conversation(("assistant", "Blue."))),
        tools=(WEATHER,),
    ),
    "thinking": Request(
        (
            *conversation(("user", "2+2?")),
            Message("assistant", (Thinking("hm, 4"), Text("It is 4."))),
            *conversation(("user", "and 3+3?")),
        )
    ),
    "passage": Request((Message("user", (Text("Sum up:"), Text("some <b>", source="a.txt"))),)),
    "no generation prompt": Request(conversation(("user", "Hi")), generation_prompt=False),
}
