"""Counts for models whose makers publish no tokenizer: the provider's own where a key for it is
set, else estimates; each labelled as what it is."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

from ...tokens import estimates
from ...tokens.estimates import Estimate, Family, estimate, family_of
from ...tokens.spans import Counting
from .. import options, output
from . import common

if TYPE_CHECKING:
    from ...models.token_counts import TokenCounts
    from ...tokens.counting import Source

BASIS = "o200k_base"
"""The vocabulary that estimates start from."""
ASKED_FILES, ASKED_BYTES = 20, 1 << 20
"""Of files, a provider is asked about so many at most, and so much in all; more is estimated."""


def family(args: argparse.Namespace) -> Family | None:
    """The family whose counts are estimated for the model that was named."""
    return family_of(common.name(args))


def show(args: argparse.Namespace, text: str, of: Family) -> int:
    """The count of a text. Raises `UsageError` where ids were asked for."""
    from ...errors import UsageError
    from ...views import tokens

    model = common.name(args)
    if args.ids or args.html or args.chips:
        raise UsageError(
            f"{model} has no published tokenizer: its tokens can be counted, not shown."
        )
    asking = _asking(args) if text.strip() else None
    if asking is not None:
        count = asking.count(text)
        if not asking.problem:
            if args.json:
                value = {"model": model, "known": "reported", "tokens": count, "by": asking.maker}
                output.print_json(value)
            else:
                output.show(tokens.reported, count, asking.maker)
            return 0
        asking.complain()
    found = Estimating(common.tokenizer(args, BASIS).plain, of).estimate(text)
    if args.json:
        output.print_json({"model": model, "known": "estimated", **asdict(found)})
    else:
        output.show(tokens.estimated, model, found)
    return 0


def likely(of: Family) -> Callable[[int], tuple[int, int]]:
    """The range of a count that was estimated for a family."""
    return partial(estimates.likely, family=of)


def asking(args: argparse.Namespace, sources: Sequence[Source]) -> Asking | None:
    """What asks the provider about these files; `None` where it cannot be, or they are too many."""
    if len(sources) > ASKED_FILES or sum(source.bytes for source in sources) > ASKED_BYTES:
        return None
    if any(source.field for source in sources) or family(args) is None:
        return None
    return _asking(args)


def _asking(args: argparse.Namespace) -> Asking | None:
    """What asks the provider, where it can be; what is sent where is said before it is."""
    from ...models.token_counts import open_counts

    asked = open_counts(common.name(args), options.settings(args))
    if asked is None:
        return None
    print(
        f"{asked.maker} counts: the text goes to {asked.address} (with --offline it stays here)",
        file=sys.stderr,
    )
    return Asking(asked, partial(counting, args))


class Asking:
    """Counts by the provider. When it fails, `problem` says why, and all else is counted by
    what `instead` opens."""

    def __init__(self, asked: TokenCounts, instead: Callable[[], Counting]) -> None:
        self.maker = asked.maker
        self.problem = ""
        self._asked = asked
        self._instead = instead

    def count(self, text: str, *, specials: bool = False) -> int:
        from ...errors import PellucidError

        if not text.strip():
            return 0  # no provider takes an empty message
        if not self.problem:
            try:
                return self._asked.count(text)
            except PellucidError as error:
                self.problem = str(error)
        return self._instead().count(text)

    def complain(self) -> None:
        print(f"pellucid: {self.problem} What follows is an estimate.", file=sys.stderr)


class Estimating:
    """Counts as a tokenizer does."""

    def __init__(self, counter: Counting, of: Family) -> None:
        self._counter = counter
        self._family = of

    def count(self, text: str, *, specials: bool = False) -> int:
        return self.estimate(text).tokens

    def estimate(self, text: str) -> Estimate:
        return estimate(text, self._family, self._counter.count)


def counting(args: argparse.Namespace) -> Counting:
    """What counts for the model that was named."""
    of = family(args)
    if of is None:
        return common.tokenizer(args).plain
    return Estimating(common.tokenizer(args, BASIS).plain, of)
