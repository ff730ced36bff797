"""`pellucid tokens vocab`: which vocabularies there are, and what is in one."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from .. import options, output
from . import common

if TYPE_CHECKING:
    from ...tokens.model import ModelTokenizer

SHOWN = 50


def arguments(parser: argparse.ArgumentParser) -> None:
    common.add_vocabulary(parser)
    parser.add_argument(
        "--special", action="store_true", help="the special tokens; with --grep, those first"
    )
    parser.add_argument("--grep", metavar="TEXT", help="tokens that hold this text")
    parser.add_argument(
        "-n", "--limit", type=int, default=SHOWN, help=f"at most so many ({SHOWN}); 0: all"
    )
    parser.add_argument("--json", action="store_true", help="machine-readable")


def run(args: argparse.Namespace) -> int:
    from ...errors import UsageError
    from ...views import tokens

    if args.limit < 0:
        raise UsageError(f"--limit {args.limit}: a number from 1 on, or 0 for all.")
    if args.model is None and args.grep is None and not args.special:
        return _list(args)
    tokenizer = common.tokenizer(args)
    controls = {id: spelling for spelling, id in tokenizer.specials.items()}
    wanted = (args.grep or "").encode("utf-8", "surrogateescape")
    found = [
        (id, piece) for id, piece in _pieces(tokenizer, _ids(args, tokenizer)) if wanted in piece
    ]
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
    what = "special tokens" if args.special and not args.grep else "tokens"
    print(f"{of} {what} of {tokenizer.name}, which has {len(tokenizer):,} ids", file=sys.stderr)
    return 0 if found else 1


def _list(args: argparse.Namespace) -> int:
    """The vocabularies that have a name."""
    from dataclasses import asdict

    from ...models.vocabularies import listing
    from ...settings import Folders
    from ...views import tokens

    rows = listing(options.settings(args), Folders.of())
    if args.json:
        output.print_json([asdict(row) for row in rows])
    else:
        output.show(tokens.vocabularies, rows)
    return 0


def _ids(args: argparse.Namespace, tokenizer: ModelTokenizer) -> Iterable[int]:
    """Those to look through, in the order they are shown."""
    if not args.special:
        return range(len(tokenizer))
    special = sorted(tokenizer.specials.values())
    ordinary = sorted(set(range(len(tokenizer))).difference(special)) if args.grep else []
    return [*special, *ordinary]


def _pieces(tokenizer: ModelTokenizer, ids: Iterable[int]) -> Iterator[tuple[int, bytes]]:
    """The bytes of each id that the vocabulary uses."""
    from ...errors import TokenError

    for id in ids:
        try:
            yield id, tokenizer.piece(id)
        except TokenError:  # a gap: o200k_base leaves 199998 unused
            continue
