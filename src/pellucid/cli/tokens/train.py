"""`pellucid tokens train`: a vocabulary learned from a text, merge by merge."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .. import options, output

if TYPE_CHECKING:
    from ...tokens.bpe import Learned


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="a text; -: standard input")
    parser.add_argument(
        "--vocab", type=int, default=512, metavar="SIZE", help="tokens in all, bytes included (512)"
    )
    parser.add_argument("--watch", action="store_true", help="see each merge being learned")
    parser.add_argument("--json", action="store_true", help="machine-readable")


def run(args: argparse.Namespace) -> int:
    from ...errors import UsageError
    from ...tokens.bpe import BYTES, learn
    from ...tokens.surrogates import refuse_lone
    from ...views import tokens

    if args.vocab <= BYTES:
        raise UsageError(
            f"--vocab {args.vocab}: the first {BYTES} tokens are the bytes, so that a "
            "vocabulary that learns something is larger."
        )
    text = _text(args.file)
    refuse_lone(text)
    learned: list[Learned] = []
    for step in learn(text, args.vocab):
        learned.append(step)
        if args.watch and not args.json:
            output.show(
                tokens.learned, step, _piece(learned, step.left), _piece(learned, step.right)
            )
            sys.stdout.flush()
    if args.json:
        output.print_json(
            [
                {
                    "id": step.id,
                    "left": step.left,
                    "right": step.right,
                    "bytes": step.piece.hex(),
                    "count": step.count,
                }
                for step in learned
            ]
        )
        return 0
    output.show(tokens.trained, learned, len(text.encode()), _tokens(learned, text), args.vocab)
    return 0


def _piece(learned: Sequence[Learned], id: int) -> bytes:
    from ...tokens.bpe import BYTES

    return bytes([id]) if id < BYTES else learned[id - BYTES].piece


def _tokens(learned: Sequence[Learned], text: str) -> int:
    """How many tokens the text becomes under what was learned."""
    from ...tokens.bpe import Bpe

    encoder = Bpe.of(learned)
    pieces = Counter(encoder.split(text))
    return sum(times * len(encoder.merged(piece.encode())) for piece, times in pieces.items())


def _text(name: str) -> str:
    from ...errors import UsageError

    if name == "-":
        return options.standard_input()
    try:
        return options.utf8(Path(name).read_bytes(), name)
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}.") from error
