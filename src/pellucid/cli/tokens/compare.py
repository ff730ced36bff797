"""`pellucid tokens compare`: one text under several vocabularies."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

from .. import options, output
from . import common

if TYPE_CHECKING:
    from ...tokens.estimates import Estimate, Family


def arguments(parser: argparse.ArgumentParser) -> None:
    common.add_text(parser)
    common.add_vocabulary(parser, several=True)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="machine-readable")
    form.add_argument("--html", metavar="FILE", help="write one self-contained page")


def run(args: argparse.Namespace) -> int:
    from ...errors import UsageError
    from ...tokens.estimates import family_of

    names = dict.fromkeys(options.several_models(args))
    if len(names) < 2:
        raise UsageError('Name several: pellucid tokens compare "Hi" -m llama-3.1,phi-3,gpt-4o')
    text = common.text(args)
    families = {name: family for name in names if (family := family_of(name))}
    estimates = _estimates(args, text, families) if families else {}
    tokenizers = {name: common.tokenizer(args, name) for name in names if name not in estimates}
    rows = {name: tokenizer.encode(text) for name, tokenizer in tokenizers.items()}
    if args.json:
        encodings = {name: common.as_json(row) for name, row in rows.items()}
        guesses = {name: {"known": "estimated", **asdict(e)} for name, e in estimates.items()}
        output.print_json({"text": text, "encodings": encodings, "estimates": guesses})
        return 0
    from ...views import tokens

    if args.html:
        from ...views.html.tokens import comparison_page

        sizes = {name: len(tokenizer) for name, tokenizer in tokenizers.items()}
        told = (tokens.estimated(name, found, width=1000) for name, found in estimates.items())
        notes = ["; ".join(words.splitlines()) for words in told]
        common.write_page(args.html, comparison_page(rows, sizes, notes))
        return 0
    if rows:
        output.show(tokens.comparison, rows)
    if rows and estimates:
        print()
    if estimates:
        output.show(tokens.estimates, estimates)
    return 0


def _estimates(
    args: argparse.Namespace, text: str, families: Mapping[str, Family]
) -> dict[str, Estimate]:
    """How many tokens a text is for the models that have no published tokenizer."""
    from ...tokens.estimates import estimate
    from .estimated import BASIS

    count = common.tokenizer(args, BASIS).plain.count
    return {name: estimate(text, family, count) for name, family in families.items()}
