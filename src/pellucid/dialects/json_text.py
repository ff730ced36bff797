"""JSON on the wire: read with an error that says whose fault it was."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from json.encoder import (  # type: ignore[attr-defined]  # typeshed leaves two of them out
    c_make_encoder,
    encode_basestring,
    encode_basestring_ascii,
)
from typing import Any, NoReturn

from ..errors import BadReply, CannotExpress

quote = encode_basestring_ascii
"""A string as JSON, in ASCII, by the standard library's fast way."""

_DECODER = json.JSONDecoder()


def _refuse(value: object) -> NoReturn:
    raise TypeError(f"JSON has no {type(value).__name__}")


def writer(
    *, ascii: bool, nan: bool = True, other: Callable[[Any], Any] = _refuse
) -> Callable[[Any], str]:
    """What writes JSON without blanks, on one line; `other` says what to write for what JSON has
    no form of.

    The same as `json.JSONEncoder.encode`, which sets its machinery up anew with each call.
    """
    if c_make_encoder is None:  # a Python without the standard library's fast way
        return json.JSONEncoder(
            ensure_ascii=ascii, allow_nan=nan, separators=(",", ":"), default=other
        ).encode
    string = encode_basestring_ascii if ascii else encode_basestring
    write = c_make_encoder(None, other, string, None, ":", ",", False, False, nan)
    return lambda value: "".join(write(value, 0))


compact = writer(ascii=True)
"""JSON in ASCII: no lone surrogate can break its encoding."""
compact_unicode = writer(ascii=False)
"""JSON with letters as they are, lone surrogates among them."""


def read(text: str, decoder: json.JSONDecoder = _DECODER) -> Any:
    """As `decoder.decode`, which looks for blanks around what seldom has any."""
    if text[:1] == "{":
        value, end = decoder.raw_decode(text)
        if end == len(text):
            return value
    return decoder.decode(text)


def read_object(text: str | bytes) -> dict[str, Any]:
    """What a provider sent as a JSON object. Raises `BadReply` with its first words."""
    try:
        value = read(text) if isinstance(text, str) else json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadReply(f"The reply is not JSON: {_words(text)}") from error
    if not isinstance(value, dict):
        raise BadReply(f"The reply is not a JSON object: {_words(text)}")
    return value


def arguments_object(text: str, api: str) -> dict[str, Any]:
    """The arguments of a tool call for an API that wants them as an object, not as text.

    Raises `CannotExpress` for what is no JSON object, as a model may have written it.
    """
    try:
        value = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise CannotExpress(
            "tool arguments that are not a JSON object",
            api,
            f"The call says {_words(text)}; correct it or leave the call out of the conversation.",
        )
    return value


def arguments_text(value: object) -> str:
    """The arguments of a tool call as text, from an API that has them as an object."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def same_arguments(text: str) -> str:
    """How arguments read after a way through an API that has them as an object."""
    return arguments_text(json.loads(text) if text.strip() else {})


def drop_none(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: item for key, item in value.items() if item is not None}


def _words(text: str | bytes) -> str:
    shown = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    shown = " ".join(shown.split())
    return repr(shown if len(shown) <= 120 else f"{shown[:119]}…")
