"""Tools written as other clients write them: OpenAI's, Anthropic's, Gemini's and MCP's shapes."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

from ..dialects.gemini.schemas import json_schema
from ..errors import UsageError
from ..messages import ToolSpec
from .tool import Tool

SCHEMAS = ("parameters", "input_schema", "inputSchema", "parameters_json_schema")
"""Where the schema stands: OpenAI's and Gemini's, Anthropic's, MCP's, Gemini's newer one."""
LISTS = ("function_declarations", "functionDeclarations")
"""Where Gemini's shape lists its functions."""
KEYWORDS = {"type", "properties", "required", "description", "title", "default", "examples"}
KEYWORDS |= {"additionalProperties", "anyOf", "oneOf", "allOf", "propertyOrdering", "nullable"}

Say = Callable[[str], Any]
"""Told what was mended."""


def as_tools(
    shape: Mapping[str, Any],
    functions: Callable[..., Any] | Mapping[str, Callable[..., Any]],
    *,
    acts: bool = True,
    say: Say = warnings.warn,
) -> list[Tool]:
    """The tools that a dictionary of another client describes, each with its function.

    `functions` is the one function, or functions by the names of their tools. No such dictionary
    says whether its tool acts, so it asks first unless it is told that it only reads. Raises
    `UsageError` for what no provider takes.
    """
    specs = as_specs(shape, say)
    found = []
    for spec in specs:
        function = functions if callable(functions) else functions.get(spec.name)
        if function is None:
            raise UsageError(f"There is no function for the tool {spec.name}.")
        found.append(tool_of(spec, function, acts=acts))
    if callable(functions) and len(found) > 1:
        names = ", ".join(spec.name for spec in specs)
        raise UsageError(f"One function was given for {names}; give one for each name.")
    return found


def tool_of(spec: ToolSpec, function: Callable[..., Any], *, acts: bool = True) -> Tool:
    """A tool that a model is told of as `spec` says."""
    return Tool(
        function,
        name=spec.name,
        description=spec.description,
        parameters=spec.parameters,
        acts=acts,
    )


def as_specs(shape: Mapping[str, Any], say: Say = warnings.warn) -> list[ToolSpec]:
    """What a dictionary says of its tools: one, but for Gemini's, which holds a list."""
    listed = next((shape[key] for key in LISTS if key in shape), None)
    if isinstance(listed, list):
        return [_spec(each, say) for each in listed]
    kind = shape.get("type", "function")
    if kind not in ("function", "custom"):
        raise UsageError(
            f"A tool of the type {kind!r} is run by its provider; only functions are run here."
        )
    return [_spec(shape.get("function", shape), say)]


def _spec(described: object, say: Say) -> ToolSpec:
    if not isinstance(described, Mapping) or not isinstance(described.get("name"), str):
        raise UsageError(f"This is not the description of a tool, it has no name: {described!r}.")
    name = described["name"]
    schema = next((described[key] for key in SCHEMAS if key in described), None)
    description = described.get("description")
    return ToolSpec(
        name,
        description if isinstance(description, str) else "",
        checked_schema(name, {} if schema is None else schema, say),
        described.get("strict") is True,
    )


def checked_schema(name: str, schema: object, say: Say) -> dict[str, Any]:
    """The JSON schema of a tool's arguments; what can be mended is, and named.

    Raises `UsageError` for what is no schema of an object.
    """
    from jsonschema import Draft202012Validator, SchemaError

    if not isinstance(schema, Mapping):
        raise UsageError(f"The schema of the tool {name} is {schema!r}; it must be an object.")
    schema = json_schema(schema)  # Gemini's older way writes its types in capitals
    odd = [key for key in schema if key not in KEYWORDS and not key.startswith("$")]
    if odd and "properties" not in schema:
        raise UsageError(
            f"The schema of the tool {name} has no properties but {odd[0]!r}; write "
            '{"type": "object", "properties": {...}}.'
        )
    if "type" not in schema:
        if schema:
            say(f'The schema of the tool {name} has no "type": "object"; it was added.')
        schema = {"type": "object", **schema}
    if schema["type"] != "object":
        raise UsageError(
            f"The schema of the tool {name} is of the type {schema['type']!r}; the arguments of "
            "a tool are an object."
        )
    schema.setdefault("properties", {})
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise UsageError(f"The schema of the tool {name} is wrong: {error.message}.") from error
    for required in schema.get("required", ()):
        if required not in schema["properties"]:
            raise UsageError(
                f"The schema of the tool {name} requires {required!r}, which is none of its "
                "properties."
            )
    return schema
