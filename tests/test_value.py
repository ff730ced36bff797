"""`@value` beside `@dataclass(frozen=True, slots=True)`: the same, but for its cost."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, asdict, dataclass, field, fields, replace
from inspect import signature
from typing import Any

import pytest

from pellucid.value import value


class Note:
    """A note."""

    id: int
    text: str = "none"
    tags: dict[str, int] = field(default_factory=dict)
    key: str = field(default="", repr=False)


class Pair:
    left: int
    right: int = 2

    def __post_init__(self) -> None:
        if self.left > self.right:
            raise ValueError("the left one is larger")


class Own:
    text: str

    def __repr__(self) -> str:
        return "Own"

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 7


class Empty:
    pass


@value
class Kept:
    """At the top of a module, where pickle finds it."""

    id: int
    of: tuple[int, ...] = ()


CASES: list[tuple[type, Callable[[Any], Any]]] = [
    (Note, lambda cls: cls(3)),
    (Note, lambda cls: cls(3, key="k", text="t")),
    (Note, lambda cls: cls(3, "t", {"a": 1}, "k")),
    (Note, lambda cls: cls()),
    (Note, lambda cls: cls(1, 2, 3, 4, 5)),
    (Note, lambda cls: cls(1, colour=3)),
    (Pair, lambda cls: cls(1)),
    (Pair, lambda cls: cls(3)),
    (Pair, lambda cls: replace(cls(1), right=9)),
    (Pair, lambda cls: replace(cls(1), right=0)),
    (Own, lambda cls: cls("x")),
    (Empty, lambda cls: cls()),
]


def outcome(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except (TypeError, ValueError) as error:
        return str(error)


@pytest.mark.parametrize("number", range(len(CASES)))
def test_made_shown_and_compared_as_a_frozen_dataclass_is(number: int) -> None:
    plain, make = CASES[number]
    ours: Any = value(type(plain.__name__, (), dict(vars(plain))))
    theirs: Any = dataclass(frozen=True, slots=True)(type(plain.__name__, (), dict(vars(plain))))
    a: Any = outcome(lambda: make(ours))
    b: Any = outcome(lambda: make(theirs))
    if isinstance(a, str):
        assert a == b
        return
    assert repr(a) == repr(b) and asdict(a) == asdict(b)
    assert outcome(lambda: isinstance(hash(a), int)) == outcome(lambda: isinstance(hash(b), int))
    assert (a == make(ours), a == b, a == 3) == (b == make(theirs), b == a, b == 3)
    assert [(f.name, f.type) for f in fields(a)] == [(f.name, f.type) for f in fields(b)]
    assert ours.__match_args__ == theirs.__match_args__ and ours.__slots__ == theirs.__slots__
    ours_by_name, theirs_by_name = (signature(cls).parameters for cls in (ours, theirs))
    assert [(p.name, p.kind, p.annotation) for p in ours_by_name.values()] == [
        (p.name, p.kind, p.annotation) for p in theirs_by_name.values()
    ]


def test_a_value_cannot_be_changed() -> None:
    kept = Kept(1)
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'id'"):
        kept.id = 2  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'id'"):
        del kept.id
    with pytest.raises(FrozenInstanceError):
        kept.other = 2  # type: ignore[attr-defined]
    assert not hasattr(kept, "__dict__") and kept == Kept(1)


@value
class Wide:
    one: int
    two: int
    three: int = 3
    four: list[int] = field(default_factory=list)


@value
class Wider(Wide):
    five: int = 5


def test_a_value_of_many_fields_is_of_its_class_and_cannot_be_changed() -> None:
    cases: list[tuple[Any, Any]] = [(Wide(1, 2), Wide), (Wider(1, 2, five=6), Wider)]
    for made, kind in cases:
        assert type(made) is kind and (made.one, made.three, made.four) == (1, 3, [])
        with pytest.raises(FrozenInstanceError, match="cannot assign to field 'one'"):
            made.one = 2
        assert replace(made, two=7) == kind(1, 7, *([3, [], 6][: len(fields(made)) - 2]))
        assert pickle.loads(pickle.dumps(made)) == made and not hasattr(made, "__dict__")
    assert Wider(1, 2).five == 5 and Wide(1, 2) != Wider(1, 2)


def test_each_value_has_its_own_default() -> None:
    note: Any = value(type("Note", (), dict(vars(Note))))
    assert note(1).tags == {} and note(1).tags is not note(1).tags


def test_copies_are_equal() -> None:
    kept = Kept(1, (2, 3))
    for copied in (copy.copy(kept), copy.deepcopy(kept), pickle.loads(pickle.dumps(kept))):
        assert copied == kept and hash(copied) == hash(kept)
    match kept:
        case Kept(id, of):
            assert (id, of) == (1, (2, 3))
