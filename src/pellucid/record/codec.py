"""A receipt as plain JSON, and back.

`to_json` gives the dictionary that `receipts export` writes, one line each, and `show --json`
prints. It has a `"format"` (1) and then the fields of `Receipt`, each dataclass inside as an object
with its own fields, so the dataclasses are its documentation. Beyond that:

* a part of a message has a `"type"`: text, refusal, thinking, tool_call, tool_result or media;
* bytes (a token's piece, an image) are text where they are UTF-8, else `{"base64": "..."}`;
* `NaN`, `Infinity` and `-Infinity` are spelled as strings, since JSON has no such numbers.

Reading is strict: an unknown field, a wrong type or a missing value is an error that names its
place. A field that has a default may be left out.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from math import isfinite
from types import UnionType
from typing import Any, Literal, NoReturn, TypeAlias, Union, get_args, get_origin, get_type_hints

from ..dialects.json_text import writer
from ..errors import StoreError
from ..messages import Media, Refusal, Text, Thinking, ToolCall, ToolResult
from .receipt import Receipt

FORMAT = 1

_TYPES: dict[str, type] = {
    "text": Text,
    "refusal": Refusal,
    "thinking": Thinking,
    "tool_call": ToolCall,
    "tool_result": ToolResult,
    "media": Media,
}
_TAGS = {kind: {"type": name} for name, kind in _TYPES.items()}
_ODD_FLOATS = ("NaN", "Infinity", "-Infinity")
_SURROGATE = re.compile("[\ud800-\udfff]")
_PLAINEST = frozenset((type(None), str, bool, int))
"""Types whose values are JSON as they are."""
_WRITE = writer(ascii=False, nan=False)


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
    receipt: Receipt = decode(Receipt, body)
    return receipt


def dumps(value: Any) -> str:
    """JSON on one line. Lone surrogates, which no UTF-8 file can hold, are escaped."""
    return _escaped(_WRITE(value))


def write(value: Any) -> str:
    """`dumps(encode(value))` in one walk, for values whose mappings have strings as keys."""
    try:
        return _escaped(_WRITE_OURS(value))
    except ValueError:  # a number that has no JSON
        return dumps(encode(value))


def _escaped(text: str) -> str:
    if text.isascii():
        return text
    return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def encode(value: Any) -> Any:
    """A value of ours as plain JSON values; raises `StoreError` for what JSON cannot say."""
    kind: Any = type(value)
    return value if kind in _PLAINEST else _writer(kind)(value)


@cache
def _writer(kind: type) -> Callable[[Any], Any]:
    """What writes the values of a type."""
    if issubclass(kind, str | int):
        return lambda value: value
    if issubclass(kind, float):
        return lambda value: value if isfinite(value) else _odd_name(value)
    if issubclass(kind, bytes | bytearray):
        return _write_bytes
    if issubclass(kind, tuple | list):
        return lambda value: [encode(item) for item in value]
    if is_dataclass(kind):
        return _dataclass_writer(kind)
    if issubclass(kind, Mapping):
        return _write_mapping
    return _refuse


def _dataclass_writer(kind: type) -> Callable[[Any], Any]:
    opened = _opener(kind)
    return lambda value: _write_items(opened(value))


@cache
def _opener(kind: type) -> Callable[[Any], Any]:
    """What gives the fields of a dataclass as a dictionary, and anything else as `encode` does."""
    if not is_dataclass(kind):
        return _writer(kind)
    rows = [f"{key!r}: {word!r}" for key, word in _TAGS.get(kind, {}).items()]
    rows += [f"{name!r}: value.{name}" for name in _names(kind)]
    opened: Callable[[Any], Any] = eval(f"lambda value: {{{', '.join(rows)}}}")
    return opened


def _opened(value: Any) -> Any:
    kind: Any = type(value)
    return _opener(kind)(value)


_WRITE_OURS = writer(ascii=False, nan=False, other=_opened)


def _write_bytes(value: bytes | bytearray) -> Any:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": b64encode(value).decode()}


def _write_mapping(value: Mapping[Any, Any]) -> Any:
    for key in value:
        if not isinstance(key, str):
            return _refuse(value)
    return _write_items(dict(value))


def _write_items(written: dict[str, Any]) -> dict[str, Any]:
    if not _PLAINEST.issuperset(map(type, written.values())):
        for name, item in written.items():
            if type(item) not in _PLAINEST:
                written[name] = encode(item)
    return written


def _refuse(value: Any) -> NoReturn:
    raise StoreError(f"A receipt cannot hold {value!r}: JSON has no {_kind(value)}.")


def decode(hint: Any, value: Any, name: str = "") -> Any:
    """`value`, plain JSON, as the type `hint`. Raises `StoreError` naming the place, in `name`."""
    try:
        return _reader(hint)(value)
    except _Misfit as misfit:
        place = "".join([name, *reversed(misfit.place)]).removeprefix(".")
        raise StoreError(f"{place} {misfit}.") from None


Reader: TypeAlias = Callable[[Any], Any]
"""Plain JSON in, a value of ours out; raises `_Misfit`."""


class _Misfit(Exception):
    """A value that does not fit. Its place is put together from the inside out."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.place: list[str] = []

    @classmethod
    def of(cls, value: Any, expected: str) -> _Misfit:
        shown = repr(value)
        shown = shown if len(shown) <= 40 else f"{shown[:40]}…"
        return cls(f"is {shown}; expected {expected}")

    def inside(self, place: str) -> _Misfit:
        self.place.append(place)
        return self


@cache
def _reader(hint: Any) -> Reader:
    origin, inside = get_origin(hint), get_args(hint)
    if hint is Any:
        return lambda value: value
    if origin in (Union, UnionType):
        return _union_reader(inside)
    if origin is Literal:
        return _literal_reader(inside)
    if origin is tuple:
        return _row_reader(inside) if inside[-1] is not Ellipsis else _list_reader(inside[0])
    if origin in (Mapping, dict):
        return _mapping_reader(inside[1])
    if origin is list:
        items = _list_reader(inside[0])
        return lambda value: list(items(value))
    if hint in _TYPES.values():
        return _union_reader((hint,))
    if is_dataclass(hint):
        return _fields_reader(hint)
    return _PLAIN.get(hint) or _scalar_reader(hint)


def _fields_reader(kind: Any) -> Reader:
    readers = {name: _reader(hint) for name, hint in get_type_hints(kind).items()}
    required = [
        f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING
    ]

    def read(value: Any) -> Any:
        values = {}
        for name, item in _object(value).items():
            if name not in readers:
                raise _Misfit("is not a field that this Pellucid knows").inside(f".{name}")
            try:
                values[name] = readers[name](item)
            except _Misfit as misfit:
                raise misfit.inside(f".{name}") from None
        for name in required:
            if name not in values:
                raise _Misfit("is missing").inside(f".{name}")
        return kind(**values)

    return read


def _union_reader(kinds: tuple[Any, ...]) -> Reader:
    """Either None or one type, or the parts of a message, which say what they are."""
    if len(kinds) == 2 and kinds[1] is type(None):
        inner = _reader(kinds[0])
        return lambda value: None if value is None else inner(value)
    readers = {name: _fields_reader(kind) for name, kind in _TYPES.items() if kind in kinds}

    def read(value: Any) -> Any:
        values = dict(_object(value))
        tag = values.pop("type", None)
        if not isinstance(tag, str) or tag not in readers:
            raise _Misfit.of(tag, f"one of {', '.join(readers)}").inside(".type")
        return readers[tag](values)

    return read


def _literal_reader(choices: tuple[str, ...]) -> Reader:
    def read(value: Any) -> Any:
        if value not in choices:
            raise _Misfit.of(value, f"one of {', '.join(choices)}")
        return value

    return read


def _list_reader(hint: Any) -> Reader:
    inner = _reader(hint)

    def read(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise _Misfit.of(value, "a list")
        out = []
        for i, item in enumerate(value):
            try:
                out.append(inner(item))
            except _Misfit as misfit:
                raise misfit.inside(f"[{i}]") from None
        return tuple(out)

    return read


def _row_reader(hints: tuple[Any, ...]) -> Reader:
    inner = [_reader(hint) for hint in hints]

    def read(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list) or len(value) != len(inner):
            raise _Misfit.of(value, f"a list of {len(inner)}")
        return tuple(reader(item) for reader, item in zip(inner, value, strict=True))

    return read


def _mapping_reader(hint: Any) -> Reader:
    inner = _reader(hint)

    def read(value: Any) -> dict[str, Any]:
        out = {}
        for key, item in _object(value).items():
            try:
                out[key] = inner(item)
            except _Misfit as misfit:
                raise misfit.inside(f".{key}") from None
        return out

    return read


def _scalar_reader(kind: type) -> Reader:
    expected = {str: "text", int: "a whole number", bool: "true or false"}[kind]

    def read(value: Any) -> Any:
        # `True` is an `int` to Python, not to a reader of JSON.
        if type(value) is not kind:
            raise _Misfit.of(value, expected)
        return value

    return read


def _number(value: Any) -> float:
    if type(value) is float or type(value) is int:
        return value
    if value in _ODD_FLOATS:
        return float(value)
    raise _Misfit.of(value, "a number")


def _bytes(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if not isinstance(value, dict) or set(value) != {"base64"}:
        raise _Misfit.of(value, "text or base64")
    try:
        return b64decode(value["base64"], validate=True)
    except (ValueError, TypeError) as error:
        raise _Misfit(f"is not base64: {error}") from None


def _bytearray(value: Any) -> bytearray:
    return bytearray(_bytes(value))


_PLAIN: dict[type, Reader] = {bytes: _bytes, bytearray: _bytearray, float: _number}


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _Misfit.of(value, "an object")
    return value


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _kind(value: Any) -> str:
    return type(value).__name__


def _odd_name(value: float) -> str:
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
