"""`@value`: what `@dataclass(frozen=True, slots=True)` makes, at a sixth of the cost.

The standard library writes and compiles seven functions for every frozen class, about a
millisecond each class: a quarter of what starting a command took. Here only the constructor is
written out, since values are made by the thousand; the rest is the same for every class.
"""

from __future__ import annotations

from dataclasses import MISSING, FrozenInstanceError, dataclass, field, fields
from operator import attrgetter
from typing import Any, TypeVar, dataclass_transform

MANY = 4
"""Fields from which on to change the class twice is quicker than to ask each descriptor."""
T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(cls: type[T]) -> type[T]:
    """A dataclass whose instances have slots and never change, equal where class and fields are.

    `replace`, `fields`, `asdict`, `match` and copying work as with any other.
    """
    cls.__doc__ = cls.__doc__ or cls.__name__  # or `dataclass` looks the signature up, slowly
    made: Any = dataclass(init=False, repr=False, eq=False, slots=True)(cls)
    content = attrgetter("__class__", *made.__match_args__)

    def __eq__(self: Any, other: object) -> Any:
        return content(self) == content(other) if type(other) is type(self) else NotImplemented

    def __hash__(self: Any) -> int:
        return hash(content(self))

    for method in (_constructor(made), __eq__, __hash__, __repr__, __reduce__):
        if method.__name__ not in vars(cls):
            setattr(made, method.__name__, method)
    made.__setattr__, made.__delattr__ = __setattr__, __delattr__
    return made  # type: ignore[no-any-return]


def _constructor(made: Any) -> Any:
    """`__init__` for the fields of a class. It fills the slots past `__setattr__`: a few by their
    descriptors; many while the instance is of a class with the same slots that lets them be set,
    which Python does several times as fast."""
    known: dict[str, Any] = {"absent": MISSING, "made_": made}
    head, body = [], ["    pass\n"]
    many = len(fields(made)) >= MANY
    if many:
        free = {
            "__slots__": made.__slots__,
            "__setattr__": object.__setattr__,
            "__module__": made.__module__,
        }
        known["draft_"] = type(made.__name__, made.__bases__, free)
        known["turn_into_"] = vars(object)["__class__"].__set__
        body.append("    turn_into_(self, draft_)\n")
    for one in fields(made):
        name = given = one.name
        if one.default_factory is not MISSING:
            known[f"make_{name}"] = one.default_factory
            given = f"make_{name}() if {name} is absent else {name}"
            head.append(f"{name}=absent")
        elif one.default is not MISSING:
            known[f"default_{name}"] = one.default
            head.append(f"{name}=default_{name}")
        else:
            head.append(name)
        if many:
            body.append(f"    self.{name} = {given}\n")
        else:
            known[f"set_{name}"] = getattr(made, name).__set__
            body.append(f"    set_{name}(self, {given})\n")
    if many:
        body.append("    self.__class__ = made_\n")
    if hasattr(made, "__post_init__"):
        body.append("    self.__post_init__()\n")
    exec(f"def __init__(self, {', '.join(head)}):\n{''.join(body)}", known)
    constructor = known["__init__"]
    constructor.__qualname__ = f"{made.__qualname__}.__init__"  # for errors, and for `help`
    constructor.__annotations__ = {one.name: one.type for one in fields(made)}
    return constructor


def __repr__(self: Any) -> str:
    shown = ", ".join(f"{f.name}={getattr(self, f.name)!r}" for f in fields(self) if f.repr)
    return f"{type(self).__qualname__}({shown})"


def __reduce__(self: Any) -> tuple[Any, ...]:
    return type(self), tuple(getattr(self, f.name) for f in fields(self))


def __setattr__(self: object, name: str, new: object) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def __delattr__(self: object, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")
