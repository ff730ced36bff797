"""What of a conversation is sent again: the memory policies.

A model remembers nothing; each turn sends the history. A policy chooses what of it, whole turns
only, and everything it leaves out is reported. System messages and the newest turn always stay.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Literal

from .errors import UsageError
from .messages import Message
from .prompt.budget import turn_numbers
from .value import value


@value
class Policy:
    """`full` sends everything, `none` the newest turn, `last` the newest `turns`, `fit` as many of
    the newest turns as fit. `str(policy)` is the form it is parsed from."""

    kind: Literal["full", "none", "last", "fit"]
    turns: int = 0

    def __str__(self) -> str:
        return f"last:{self.turns}" if self.kind == "last" else self.kind


@value
class Kept:
    """What is sent, and what was left out, both in their order."""

    messages: tuple[Message, ...]
    dropped: tuple[Message, ...]


def parse_policy(text: str) -> Policy:
    """A policy from `full`, `none`, `last:N` (N turns, 1 or more) or `fit`. Raises `UsageError`."""
    match text:
        case "full" | "none" | "fit":
            return Policy(text)
    found = re.fullmatch(r"last:([1-9][0-9]{0,8})", text)
    if found is None:
        raise UsageError(
            f"The memory policy {text!r} is not known: full (everything), none (the newest turn "
            "alone), last:N (the newest N turns) or fit (drops the oldest turns until it fits)."
        )
    return Policy("last", int(found[1]))


def apply(
    policy: Policy, messages: Sequence[Message], fits: Callable[[tuple[Message, ...]], bool]
) -> Kept:
    """What `policy` keeps of `messages`.

    `fits` tells whether messages fit the context window; it is asked by `fit` only, about the
    logarithm of the number of turns times. When not even the newest turn fits, that turn is what
    is kept: refusing it is for whoever knows the counts.
    """
    numbers = turn_numbers([message.role for message in messages])
    count = max(numbers, default=0) + 1
    match policy.kind:
        case "full":
            wanted = count
        case "none":
            wanted = 1
        case "last":
            wanted = min(policy.turns, count)
        case "fit":
            wanted = _most(count, lambda turns: fits(_split(messages, numbers, turns).messages))
    return _split(messages, numbers, wanted)


def _split(messages: Sequence[Message], numbers: Sequence[int], turns: int) -> Kept:
    """Keep system messages and the newest `turns`."""
    first = max(numbers, default=0) + 1 - turns
    kept: list[Message] = []
    dropped: list[Message] = []
    for message, number in zip(messages, numbers, strict=True):
        stays = number >= first or message.role == "system"
        (kept if stays else dropped).append(message)
    return Kept(tuple(kept), tuple(dropped))


def _most(count: int, fits: Callable[[int], bool]) -> int:
    """The largest number from 1 to `count` for which `fits` holds; 1 when it holds for none.

    Asks for `count` first: most conversations fit as they are.
    """
    if fits(count):
        return count
    low, high = 1, count
    while high - low > 1:
        middle = (low + high) // 2
        if fits(middle):
            low = middle
        else:
            high = middle
    return low
