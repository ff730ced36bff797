"""`pellucid tokens vocab`: what is in a vocabulary."""

from __future__ import annotations

import argparse
import sys

from .. import output
from . import common

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
    found = [(id, piece) for id in ids if wanted in (piece := tokenizer.piece(id))]
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
        ordinary = sum(wanted in tokenizer.piece(id) for id in range(len(tokenizer)))
        print(
            f"none of its {len(controls):,} special tokens holds {args.grep!r}; "
            f"{ordinary:,} ordinary ones do: leave out --special",
            file=sys.stderr,
        )
        return 0
    return 0 if found else 1
