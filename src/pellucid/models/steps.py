"""What a call asks of a transport: the steps that `exchange` yields and `http` carries out."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import field
from typing import Any, TypeAlias

from ..replies import Event
from ..value import value

LINGER = 0.05


@value
class Post:
    """A request as it is sent, the key included. `whole`: its answer comes all at once."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)
    whole: bool = False


@value
class Answer:
    """The head of an answer; the names of `headers` are in lower case."""

    status: int
    headers: dict[str, str]


@value
class Open:
    """Send this; the result is an `Answer`. An answer that was open before is dropped."""

    post: Post


@value
class Read:
    """The next bytes of the answer's body; none at its end."""


@value
class Drain:
    """What little is left of the answer's body, so that its connection can be kept: the end of
    the reply was announced. A host that lingers is waited for no longer than `LINGER` seconds."""


@value
class Wait:
    seconds: float


Step: TypeAlias = Open | Read | Drain | Wait | list[Event]
Steps: TypeAlias = Generator[Step, Any, None]

READ = Read()
