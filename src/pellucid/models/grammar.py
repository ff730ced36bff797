"""JSON schemas as GBNF, the grammar that the engine's sampler is held to.

https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import UsageError

PRIMITIVES = {
    "string": r'"\"" char* "\""',
    "integer": '"-"? ("0" | [1-9] [0-9]{0,15})',
    "number": '"-"? ("0" | [1-9] [0-9]{0,15}) ("." [0-9]{1,15})? ([eE] [-+]? [0-9]{1,3})?',
    "boolean": '"true" | "false"',
    "null": '"null"',
}
SHARED = {
    "char": r'[^"\\\x00-\x1f\x7f] | "\\" (["\\/bfnrt] | "u" [0-9a-fA-F]{4})',
    # No more than one blank or a short indent: a small model may write blanks for ever.
    "ws": '[ ]? | "\\n" [ ]{0,12}',
    "sp": "ws",
    "value": "object | array | string | number | boolean | null",
    "object": '"{" ws (string ws ":" sp value (ws "," sp string ws ":" sp value)*)? ws "}"',
    "array": '"[" ws (value (ws "," sp value)*)? ws "]"',
    **PRIMITIVES,
}
PLAIN = {"ws": '""', "sp": '" "'}
"""Blanks as `json.dumps` and most chat templates write them: one after a colon or a comma."""
ANY = {"object": "object", "array": "array"} | {name: name for name in PRIMITIVES}
MOST_REPEATED = 256
"""Lengths above this are left to the check that follows: a grammar with large counts is slow."""


class Grammar:
    """Rules under construction. `text(root)` is all of them."""

    def __init__(self) -> None:
        self._rules: dict[str, str] = {}
        self._made: dict[str, str] = {}
        self._definitions: Mapping[str, Any] = {}

    def text(self, root: str, *, plain: bool = False) -> str:
        """With `plain`, blanks stand only where `json.dumps` writes them."""
        rules = {"root": root, **self._rules, **SHARED, **(PLAIN if plain else {})}
        return "\n".join(f"{name} ::= {body}" for name, body in rules.items()) + "\n"

    def of(self, schema: Mapping[str, Any]) -> str:
        """What a value under `schema` may look like, as an expression.

        Properties come in the schema's order. What a grammar cannot say (`pattern`, bounds of
        numbers) is not said here; whoever wants it checks the value. Raises `UsageError` for a
        reference that leads nowhere.
        """
        self._definitions = schema
        return self._value(schema)

    def _value(self, schema: Any) -> str:
        if not isinstance(schema, Mapping) or not schema:
            return "value"
        if "$ref" in schema:
            return self._referred(schema["$ref"])
        if "const" in schema:
            return _literal(schema["const"])
        if "enum" in schema:
            return self._any(_literal(choice) for choice in schema["enum"])
        for word in ("anyOf", "oneOf"):
            if word in schema:
                return self._any(self._value(each) for each in schema[word])
        if "allOf" in schema:
            return self._value(_merged(schema))
        kind = schema.get("type")
        if isinstance(kind, list):
            return self._any(self._value({**schema, "type": each}) for each in kind)
        if kind == "object" or "properties" in schema:
            return self._object(schema)
        if kind == "array":
            return self._array(schema)
        if kind == "string" and ("minLength" in schema or "maxLength" in schema):
            return '"\\"" char' + _times(schema, "minLength", "maxLength") + ' "\\""'
        return ANY.get(str(kind), "value")

    def _any(self, choices: Any) -> str:
        return "(" + " | ".join(choices) + ")"

    def _referred(self, reference: str) -> str:
        """A rule of its own, so that a schema may refer to itself."""
        if reference not in self._made:
            target: Any = self._definitions
            for step in reference.removeprefix("#").strip("/").split("/"):
                if step:
                    target = target.get(step) if isinstance(target, Mapping) else None
            if not reference.startswith("#") or target is None:
                raise UsageError(f"The JSON schema refers to {reference!r}, which is not in it.")
            name = self._made[reference] = f"ref{len(self._made)}"
            self._rules[name] = ""
            self._rules[name] = self._value(target)
        return self._made[reference]

    def _object(self, schema: Mapping[str, Any]) -> str:
        properties: Mapping[str, Any] = schema.get("properties") or {}
        if not properties:
            return '"{" ws "}"' if schema.get("additionalProperties") is False else "object"
        required = set(schema.get("required") or ())
        pairs = {
            name: f'{_literal(name)} ws ":" sp {self._value(inner)}'
            for name, inner in properties.items()
        }
        body = self._pairs(list(pairs.items()), required, first=True)
        return self._rule(f'"{{" ws {body} ws "}}"')

    def _pairs(self, pairs: Sequence[tuple[str, str]], required: set[str], *, first: bool) -> str:
        """The pairs in their order; those that are not required may be left out."""
        if not pairs:
            return '""'
        (name, pair), rest = pairs[0], pairs[1:]
        comma = "" if first else 'ws "," sp '
        here = f"{comma}{pair}"
        if rest:
            here += " " + self._rule(self._pairs(rest, required, first=False))
        if name in required:
            return here
        return f"({here} | {self._rule(self._pairs(rest, required, first=first))})"

    def _array(self, schema: Mapping[str, Any]) -> str:
        item = self._rule(self._value(schema.get("items", {})))
        least, most = schema.get("minItems", 0), schema.get("maxItems")
        if most is not None and most <= 0:
            return '"[" ws "]"'
        more = "*" if most is None and least <= 1 else _bounds(max(least - 1, 0), most and most - 1)
        filled = f'{item} (ws "," sp {item}){more}'
        return '"[" ws ' + (filled if least else f"({filled})?") + ' ws "]"'

    def _rule(self, body: str) -> str:
        """A name for `body`; the same body has one name."""
        if re.fullmatch(r"[a-z0-9-]+", body):
            return body
        if body not in self._made:
            self._made[body] = f"r{len(self._made)}"
            self._rules[self._made[body]] = body
        return self._made[body]


def _literal(value: Any) -> str:
    """A JSON value, letter by letter."""
    return quoted(json.dumps(value, ensure_ascii=False))


def quoted(text: str) -> str:
    """`text` as a GBNF string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _times(schema: Mapping[str, Any], least: str, most: str) -> str:
    return _bounds(schema.get(least, 0), schema.get(most))


def _bounds(least: int, most: int | None) -> str:
    least = min(least, MOST_REPEATED)
    if most is None or most > MOST_REPEATED:
        return f"{{{least},}}" if least else "*"
    return f"{{{least},{most}}}"


def _merged(schema: Mapping[str, Any]) -> dict[str, Any]:
    """`allOf` as one object schema, as far as its parts are objects."""
    out = {key: value for key, value in schema.items() if key != "allOf"}
    for part in schema["allOf"]:
        for key, value in part.items():
            if key == "properties":
                out[key] = {**out.get(key, {}), **value}
            elif key == "required":
                out[key] = [*out.get(key, ()), *value]
            else:
                out.setdefault(key, value)
    return out
