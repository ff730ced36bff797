"""The API's older way to write a schema, a part of OpenAPI 3.0, as the JSON schema it means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

WHOLE = ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties")
"""64-bit numbers, which JSON of protocol buffers writes as strings."""


def json_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """`{"type": "STRING", "nullable": true}` as `{"type": ["string", "null"]}`, all the way down.

    What is a JSON schema already stays as it is.
    """
    out: dict[str, Any] = {}
    for key, value in schema.items():
        match key, value:
            case "type", str():
                if value != "TYPE_UNSPECIFIED":
                    out[key] = value.lower()
            case "any_of" | "anyOf", list():
                out["anyOf"] = [_inner(item) for item in value]
            case "items", dict():
                out[key] = json_schema(value)
            case "properties", dict():
                out[key] = {name: _inner(item) for name, item in value.items()}
            case _ if key in WHOLE and isinstance(value, str) and value.isdecimal():
                out[key] = int(value)
            case "nullable", bool():
                pass
            case _:
                out[key] = value
    if schema.get("nullable") is True:
        kind = out.get("type")
        out = {**out, "type": [kind, "null"]} if isinstance(kind, str) else out
    return out


def _inner(value: Any) -> Any:
    return json_schema(value) if isinstance(value, dict) else value
