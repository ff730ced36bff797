"""Fields of a request that came over the wire: each of the type it must have, or `BadRequest`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from ..errors import BadRequest
from ..messages import OPTION_LIMITS, Role

T = TypeVar("T")
WORDS: dict[type, str] = {
    str: "a string",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "an object",
    type(None): "null",
}
WHOLE = ("top_k", "max_tokens", "seed", "alternatives", "thinking_tokens")


def want(value: object, kind: type[T], where: str) -> T:
    """`value`, which must be a `kind`. `where` is its place as the API names it."""
    if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
        return value
    found = WORDS.get(type(value), type(value).__name__)
    raise BadRequest(f"{where} must be {WORDS[kind]}, not {found}.", where)


def take(body: Mapping[str, Any], name: str, kind: type[T], where: str = "") -> T | None:
    """The field `name` of the object at `where`; `None` when it is absent or null."""
    value = body.get(name)
    if value is None or type(value) is kind:
        return value
    return want(value, kind, join(where, name))


def need(body: Mapping[str, Any], name: str, kind: type[T], where: str = "") -> T:
    """The field `name` of the object at `where`, which must be there."""
    value = body.get(name)
    if type(value) is kind:
        return value
    place = join(where, name)
    if value is None:
        raise BadRequest(f"{place} is missing; it must be {WORDS[kind]}.", place)
    return want(value, kind, place)


def text_or_list(value: object, where: str) -> str | list[Any]:
    """`value`, which must be a string or a list, and be there."""
    if isinstance(value, str | list):
        return value
    if value is None:
        raise BadRequest(f"{where} is missing; it must be a string or a list.", where)
    found = WORDS.get(type(value), type(value).__name__)
    raise BadRequest(f"{where} must be a string or a list, not {found}.", where)


def objects(body: Mapping[str, Any], name: str, where: str = "") -> Iterator[tuple[str, Any]]:
    """The objects of the list `name`, each with its place; none when the list is absent."""
    for i, item in enumerate(take(body, name, list, where) or ()):
        place = f"{join(where, name)}[{i}]"
        yield place, want(item, dict, place)


def role(item: Mapping[str, Any], where: str, roles: Sequence[Role]) -> Role:
    """Whose message this is, in letters of either size. Raises `BadRequest` for none of `roles`."""
    said = need(item, "role", str, where)
    for known in roles:
        if said.lower() == known:
            return known
    raise BadRequest(f"{where}.role is {said!r}; it is one of {', '.join(roles)}.", f"{where}.role")


def option(name: str, value: object, where: str) -> Any:
    """The value of the option called `name` in `Options`, within its limits, or `None`."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        want(value, float, where)
    assert isinstance(value, int | float)
    least, most = OPTION_LIMITS[name]
    if not least <= value <= most:
        raise BadRequest(f"{where} is {value}; it goes from {least} to {most}.", where)
    if name not in WHOLE:
        return value
    if value != int(value):
        raise BadRequest(f"{where} must be a whole number, not {value}.", where)
    return int(value)


def join(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name
