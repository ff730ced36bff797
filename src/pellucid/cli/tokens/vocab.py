"""`pellucid tokens vocab`: what is in a vocabulary."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from .. import output
from . import common

if TYPE_CHECKING:
    from ...tokens.model import ModelTokenizer

SHOWN = 50


def arguments(parser: argparse.ArgumentParser) -> None:
    common.add_vocabulary(parser)
    parser.add_argument("--special", action="store_true", help="the special tokens")
    parser.add_argument("--grep", metavar="TEXT", help="tokens that hold this text")
    parser.add_argument(
        "-n", "--limit", type=int, default=SHOWN, help=f"at most so many ({SHOWN}); 0: all"
    )
    parser.add_argument("--json", action="store_true", help="machine-readable")


def run(args: argparse.Namespace) -> int:
    from ...views import tokens

    tokenizer = common.tokenizer(args)
    controls = {id: spelling for spelling, id in tokenizer.specials.items()}
    wanted = (args.grep or "").encode("utf-8", "surrogateescape")
    ids = sorted(controls) if args.special else range(len(tokenizer))
    found = [(id, piece) for id, piece in _pieces(tokenizer, ids) if wanted in piece]
    shown = found[: args.limit] if args.limit else found
    if args.json:
        output.print_json(
            [
                {
                    "id": id,
                    "piece": piece.decode("utf-8", "replace"),
                    "bytes": piece.hex(),
                    "special": id in controls,
                }
                for id, piece in shown
            ]
        )
    elif shown:
        output.show(tokens.entries, shown, controls)
    of = f"{len(shown):,} of {len(found):,}" if len(shown) < len(found) else f"{len(found):,}"
    what = "special tokens" if args.special else "tokens"
    print(f"{of} {what} of {tokenizer.name}, which has {len(tokenizer):,} ids", file=sys.stderr)
    if args.special and not found and controls:
        ordinary = sum(wanted in piece for _, piece in _pieces(tokenizer, range(len(tokenizer))))
        print(
            f"none of its {len(controls):,} special tokens holds {args.grep!r}; "
            f"{ordinary:,} ordinary ones do: leave out --special",
            file=sys.stderr,
        )
        return 0
    return 0 if found else 1


def _pieces(tokenizer: ModelTokenizer, ids: Iterable[int]) -> Iterator[tuple[int, bytes]]:
    """The bytes of each id that the vocabulary uses."""
    from ...errors import TokenError

    for id in ids:
        try:
            yield id, tokenizer.piece(id)
        except TokenError:  # a gap: o200k_base leaves 199998 unused
            continue
