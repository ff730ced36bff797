"""A receipt as plain JSON, and back.

`to_json` gives the dictionary that `receipts export` writes, one line each, and `show --json`
prints. It has a `"format"` (1) and then the fields of `Receipt`, each dataclass inside as an object
with its own fields, so the dataclasses are its documentation. Beyond that:

* a part of a message has a `"type"`: text, thinking, tool_call, tool_result or media;
* bytes (a token's piece, an image) are text where they are UTF-8, else `{"base64": "..."}`;
* `NaN`, `Infinity` and `-Infinity` are spelled as strings, since JSON has no such numbers.

Reading is strict: an unknown field, a wrong type or a missing value is an error that names its
place. A field that has a default may be left out.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from math import isfinite
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from ..errors import StoreError
from ..messages import Media, Text, Thinking, ToolCall, ToolResult
from .receipt import Receipt

FORMAT = 1

_TYPES: dict[str, type] = {
    "text": Text,
    "thinking": Thinking,
    "tool_call": ToolCall,
    "tool_result": ToolResult,
    "media": Media,
}
_NAMES = {kind: name for name, kind in _TYPES.items()}
_ODD_FLOATS = ("NaN", "Infinity", "-Infinity")
_SURROGATE = re.compile("[\ud800-\udfff]")


def to_json(receipt: Receipt) -> dict[str, Any]:
    """The receipt as dictionaries, lists, strings, numbers, true, false and null."""
    return {"format": FORMAT, **encode(receipt)}


def from_json(value: object) -> Receipt:
    """The receipt that `to_json` made `value` of. Raises `StoreError` naming what is wrong."""
    if not isinstance(value, dict):
        raise StoreError(f"A receipt is a JSON object, not {_kind(value)}.")
    if value.get("format") != FORMAT:
        raise StoreError(
            f"The receipt has the format {value.get('format')!r}; this Pellucid reads {FORMAT}."
        )
    body = {key: item for key, item in value.items() if key != "format"}
    receipt: Receipt = decode(Receipt, body, "")
    return receipt


def dumps(value: Any) -> str:
    """JSON on one line. Lone surrogates, which no UTF-8 file can hold, are escaped."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def encode(value: Any) -> Any:
    """A value of ours as plain JSON values; raises `StoreError` for what JSON cannot say."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if isfinite(value) else _odd_name(value)
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return {"base64": b64encode(value).decode()}
    if isinstance(value, tuple | list):
        return [encode(item) for item in value]
    if is_dataclass(value):
        tag = {"type": _NAMES[type(value)]} if type(value) in _NAMES else {}
        return tag | {f.name: encode(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: encode(item) for key, item in value.items()}
    raise StoreError(f"A receipt cannot hold {value!r}: JSON has no {_kind(value)}.")


def decode(hint: Any, value: Any, where: str) -> Any:
    """`value` as the type `hint`, checked; `where` names the place in messages."""
    origin, inside = get_origin(hint), get_args(hint)
    if hint is Any:
        return value
    if origin in (Union, UnionType):
        return _decode_union(inside, value, where)
    if origin is Literal:
        return value if value in inside else _wrong(where, value, f"one of {', '.join(inside)}")
    if origin is tuple:
        return _decode_tuple(inside, value, where)
    if origin is Mapping:
        _check(isinstance(value, dict), where, value, "an object")
        return {key: decode(inside[1], item, f"{where}.{key}") for key, item in value.items()}
    if hint is bytes:
        return _decode_bytes(value, where)
    if is_dataclass(hint):
        return _decode_fields(hint, value, where)
    if hint is float:
        if isinstance(value, str) and value in _ODD_FLOATS:
            return float(value)
        _check(isinstance(value, float | int) and value is not True, where, value, "a number")
        return value
    # `True` is an `int` to Python, not to a reader of JSON.
    _check(type(value) is hint, where, value, _KINDS[hint])
    return value


def _decode_union(inside: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and type(None) in inside:
        return None
    kinds = [kind for kind in inside if kind is not type(None)]
    if len(kinds) == 1:
        return decode(kinds[0], value, where)
    _check(isinstance(value, dict), where, value, "an object")
    tag = value.get("type")
    kind = _TYPES.get(tag) if isinstance(tag, str) else None
    if kind not in kinds:
        return _wrong(f"{where}.type", tag, f"one of {', '.join(_TYPES)}")
    return _decode_fields(kind, {k: v for k, v in value.items() if k != "type"}, where)


def _decode_tuple(inside: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    _check(isinstance(value, list), where, value, "a list")
    if inside[-1] is not Ellipsis:
        _check(len(value) == len(inside), where, value, f"a list of {len(inside)}")
        pairs = zip(inside, value, strict=True)
        return tuple(decode(h, item, f"{where}[{i}]") for i, (h, item) in enumerate(pairs))
    hint = inside[0]
    if hint in _KINDS and all(type(item) is hint for item in value):
        return tuple(value)  # the long lists of ids
    return tuple(decode(hint, item, f"{where}[{i}]") for i, item in enumerate(value))


def _decode_bytes(value: Any, where: str) -> bytes:
    if isinstance(value, str):
        return value.encode()
    _check(isinstance(value, dict) and set(value) == {"base64"}, where, value, "text or base64")
    try:
        return b64decode(value["base64"], validate=True)
    except (ValueError, TypeError) as error:
        raise StoreError(f"{where} is not base64: {error}.") from error


def _decode_fields(kind: Any, value: Any, where: str) -> Any:
    _check(isinstance(value, dict), where, value, "an object")
    hints = _hints(kind)
    prefix = f"{where}." if where else ""
    for name in value:
        if name not in hints:
            raise StoreError(f"{prefix}{name} is not a field that this Pellucid knows.")
    for field in fields(kind):
        required = field.default is MISSING and field.default_factory is MISSING
        if required and field.name not in value:
            raise StoreError(f"{prefix}{field.name} is missing.")
    return kind(**{k: decode(hints[k], item, f"{prefix}{k}") for k, item in value.items()})


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


_KINDS = {str: "text", int: "a whole number", bool: "true or false"}


def _check(holds: bool, where: str, value: Any, expected: str) -> None:
    if not holds:
        _wrong(where, value, expected)


def _wrong(where: str, value: Any, expected: str) -> Any:
    shown = repr(value)
    shown = shown if len(shown) <= 40 else f"{shown[:40]}…"
    raise StoreError(f"{where} is {shown}; expected {expected}.")


def _kind(value: Any) -> str:
    return type(value).__name__


def _odd_name(value: float) -> str:
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
