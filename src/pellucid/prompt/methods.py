"""The methods, filters and tests a chat template may use, each bounded before it runs.

An allow-list: what is not here does not exist in a template. Where jinja2's own filter cannot
grow, it is used as it is; the others are bounded twins of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from jinja2 import Undefined
from jinja2.filters import FILTERS as JINJA_FILTERS
from jinja2.filters import make_attrgetter
from jinja2.tests import TESTS as _TESTS
from jinja2.utils import pass_environment
from markupsafe import Markup, escape

from .fence import Fenced
from .meter import SMALL, Aborted, meter

Function = Callable[..., Any]

STEPS = 500_000_000
"""Comparisons of characters in one call: what C code does in a fraction of a second."""

DIGITS = 400
"""Characters of a text that is read as a number."""

BREAKS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
BLANKS = BREAKS + " \t\x1f\xa0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))


def as_text(value: Any) -> str:
    """`str(value)` for plain data, paid for before it is made."""
    if type(value) is str:
        return value
    if isinstance(value, str):  # marked as safe by a filter
        return str(meter().keep(str(value)))
    if isinstance(value, dict | list | tuple):
        # repr() writes one character as up to ten: \U0001f642
        meter().spend(6 * meter().weigh(value))
        return str(value)
    if value is None or isinstance(value, bool | int | float | complex | range | Undefined):
        meter().spend(SMALL)
        return str(value)
    raise TypeError(f"a {type(value).__name__} cannot be written as text")


def joined(separator: str, values: Iterable[Any]) -> str:
    return meter().join(separator, [as_text(value) for value in listed(values)])


def listed(values: Iterable[Any]) -> list[Any]:
    """`list(values)`, each item paid for as it comes."""
    out = []
    for value in values:
        meter().spend(SMALL)
        out.append(value)
    meter().weigh(out)
    return out


def formatted(form: str, values: Any) -> str:
    """`form % values`, with widths below 1,000."""
    if re.search(r"\d{4}|\*", form):
        raise Aborted("it formats a number with a width of four digits, or `*`")
    fields = form.count("%")
    meter().spend(SMALL + 4 * len(form) + fields * (4000 + 6 * meter().weigh(values)))
    return str(form % values)


# -- methods ---------------------------------------------------------------------------------


def _check_steps(text: str, other: object = None, *_: object) -> None:
    """For C loops that compare each character of `text` with each of `other`."""
    if isinstance(other, str) and len(text) * len(other) > STEPS:
        raise Aborted(f"it compares {len(text):,} characters with {len(other):,}")


def _check_pieces(text: str, sep: str | None = None, maxsplit: int = -1) -> None:
    found = text.count(sep) if sep else sum(map(text.count, BLANKS))
    meter().spend(2 * SMALL * (1 + (min(found, maxsplit) if maxsplit >= 0 else found)))


def _check_right_pieces(text: str, sep: str | None = None, maxsplit: int = -1) -> None:
    _check_steps(text, sep)
    _check_pieces(text, sep, maxsplit)


def _check_lines(text: str, *_: object) -> None:
    meter().spend(2 * SMALL * (1 + sum(map(text.count, BREAKS))))


def _check_width(text: str, width: int, *_: object) -> None:
    meter().spend(4 * max(width, len(text)))


def _check_replace(text: str, old: str, new: str, count: int = -1) -> None:
    found = text.count(old)
    found = min(found, count) if count >= 0 else found
    meter().spend(4 * (len(text) + found * max(0, len(new) - len(old))))


def _bounded(method: Function, check: Callable[..., None] | None = None) -> Function:
    """`method`, checked before and paid for after."""

    @wraps(method)
    def call(*arguments: Any, **named: Any) -> Any:
        if check is not None:
            check(*arguments, **named)
        return meter().keep(method(*arguments, **named))

    return call


def _methods(
    kind: type, names: str, check: Callable[..., None] | None = None
) -> dict[str, Function]:
    return {name: _bounded(getattr(kind, name), check) for name in names.split()}


METHODS: dict[type, dict[str, Function]] = {
    str: {
        **_methods(str, "startswith endswith find index count removeprefix removesuffix"),
        **_methods(str, "isalnum isalpha isascii isdecimal isdigit isnumeric isspace"),
        **_methods(str, "islower istitle isupper lower upper capitalize title casefold swapcase"),
        **_methods(str, "partition"),
        **_methods(str, "strip lstrip rstrip rfind rindex rpartition", _check_steps),
        **_methods(str, "split", _check_pieces),
        **_methods(str, "rsplit", _check_right_pieces),
        **_methods(str, "splitlines", _check_lines),
        **_methods(str, "center ljust rjust zfill", _check_width),
        **_methods(str, "replace", _check_replace),
        "join": joined,
    },
    dict: _methods(dict, "get items keys values"),
    list: _methods(list, "count index"),
    tuple: _methods(tuple, "count index"),
}


# -- filters ---------------------------------------------------------------------------------


def _on_text(method: Function) -> Function:
    """A method of str as a filter: whatever it is given is written as text first."""

    def call(value: Any, *arguments: Any, **named: Any) -> Any:
        return method(as_text(value), *arguments, **named)

    return call


def _own(name: str, check: Callable[..., None] | None = None) -> Function:
    """jinja2's filter of this name, which keeps what it asks for in front (`pass_context`)."""
    return _bounded(JINJA_FILTERS[name], check)


def _check_letters(_: object, value: Any, *__: object, **___: object) -> None:
    """A text taken apart letter by letter grows."""
    if isinstance(value, str):
        meter().spend(2 * SMALL * len(value))


def _title(value: Any) -> Any:
    text = as_text(value)
    meter().spend(2 * SMALL * len(text))
    return meter().keep(JINJA_FILTERS["title"](text))


def _safe(value: Any) -> Markup:
    """Transformers escapes no HTML, but what is added to a text marked as safe is escaped."""
    return Markup(as_text(value))


def _escape(value: Any) -> Markup:
    text = value if isinstance(value, str) else as_text(value)
    meter().spend(6 * len(text))
    return escape(text)


def _indent(value: Any, width: int | str = 4, first: bool = False, blank: bool = False) -> Any:
    text = as_text(value)
    _check_lines(text)
    lines = len(text.splitlines()) + 1
    meter().spend(4 * lines * (len(width) if isinstance(width, str) else max(width, 0)))
    return meter().keep(JINJA_FILTERS["indent"](text, width, first, blank))


@pass_environment
def _join(environment: Any, values: Any, d: Any = "", attribute: str | None = None) -> str:
    if attribute is not None:
        values = map(make_attrgetter(environment, attribute), values)
    return joined(as_text(d), values)


@pass_environment
def _sum(environment: Any, values: Any, attribute: str | None = None, start: Any = 0) -> Any:
    if attribute is not None:
        values = map(make_attrgetter(environment, attribute), values)
    total = _number(start)
    for value in values:
        total += _number(value)
    return total


def _number(value: Any) -> Any:
    if isinstance(value, int | float):
        return value
    raise TypeError(f"a number was expected, not a {type(value).__name__}")


def _round(value: Any, precision: int = 0, method: str = "common") -> Any:
    if abs(precision) > 100:
        raise ValueError("a precision of more than 100 digits")
    return JINJA_FILTERS["round"](_number(value), precision, method)


def _check_digits(value: Any, *_: object, **__: object) -> None:
    if isinstance(value, str) and len(value) > DIGITS:
        raise ValueError(f"a number of more than {DIGITS} characters")


@pass_environment
def _attr(environment: Any, value: Any, name: str) -> Any:
    return environment.attribute(value, name)


def _format(value: Any, *arguments: Any, **named: Any) -> str:
    return formatted(as_text(value), named or arguments)


def _tojson(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """JSON as the templates' authors get it: nothing escaped for HTML, keys in their order."""
    if (indent or 0) > 64 or sum(map(len, separators or ())) > 64:
        raise ValueError("JSON with an indent or separators of more than 64 characters")
    meter().spend(6 * meter().weigh(value))
    encoder = json.JSONEncoder(
        ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )
    # Only the indented form can outgrow what was paid; it comes in pieces.
    text = encoder.encode(value) if indent is None else joined("", encoder.iterencode(value))
    if isinstance(value, Fenced):
        text = value.mark + text.replace(value.mark, "") + value.mark
    return text


FILTERS: dict[str, Function] = {
    **{name: _on_text(METHODS[str][name]) for name in ("capitalize", "lower", "upper", "replace")},
    **{name: _own(name) for name in ("abs", "count", "length", "default", "d", "first", "last")},
    **{name: _own(name) for name in ("items", "dictsort", "reverse")},
    **{name: _own(name, _check_letters) for name in ("map", "max", "min", "sort", "unique")},
    **{name: _own(name, _check_letters) for name in ("select", "reject")},
    **{name: _own(name, _check_letters) for name in ("selectattr", "rejectattr")},
    **{name: _own(name, _check_digits) for name in ("int", "float")},
    "attr": _attr,
    "center": lambda value, width=80: METHODS[str]["center"](as_text(value), width),
    "e": _escape,
    "escape": _escape,
    "format": _format,
    "indent": _indent,
    "join": _join,
    "list": listed,
    "round": _round,
    "safe": _safe,
    "string": as_text,
    "sum": _sum,
    "title": _title,
    "tojson": _tojson,
    "trim": _on_text(METHODS[str]["strip"]),
    "truncate": _own("truncate"),
}


# -- tests -----------------------------------------------------------------------------------


def _on_number(test: Function) -> Function:
    """`%` of a text would format it."""
    return lambda value, *arguments: test(_number(value), *map(_number, arguments))


JINJA_TESTS: dict[str, Function] = dict(_TESTS)  # type: ignore[arg-type]

TESTS: dict[str, Function] = {
    **JINJA_TESTS,
    **{name: _on_number(JINJA_TESTS[name]) for name in ("odd", "even", "divisibleby")},
    "lower": lambda value: as_text(value).islower(),
    "upper": lambda value: as_text(value).isupper(),
}
