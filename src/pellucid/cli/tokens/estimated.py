"""Counts for models whose makers publish no tokenizer: estimates, and labelled as such."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict

from ...tokens.estimates import Estimate, Family, estimate, family_of
from ...tokens.spans import Counting
from .. import output
from . import common

BASIS = "o200k_base"
"""The vocabulary that estimates start from."""


def family(args: argparse.Namespace) -> Family | None:
    """The family whose counts are estimated for the model that was named."""
    return family_of(common.name(args))


def show(args: argparse.Namespace, text: str, of: Family) -> int:
    """The estimate for a text. Raises `UsageError` where ids were asked for."""
    from ...errors import UsageError
    from ...views import tokens

    if args.ids or args.html or args.chips:
        raise UsageError(
            f"{args.model} has no published tokenizer: its tokens can be counted, not shown."
        )
    found = Estimating(common.tokenizer(args, BASIS).plain, of).estimate(text)
    if args.json:
        output.print_json({"model": args.model, "known": "estimated", **asdict(found)})
    else:
        output.show(tokens.estimated, args.model, found)
    return 0


def likely(of: Family) -> Callable[[int], tuple[int, int]]:
    """The range of a count that was estimated for a family."""
    from functools import partial

    from ...tokens import estimates

    return partial(estimates.likely, family=of)


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
