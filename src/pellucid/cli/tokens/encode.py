"""`pellucid tokens TEXT` and `pellucid tokens --decode ID...`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from .. import output
from . import common

if TYPE_CHECKING:
    from ...tokens.encoding import Encoding
    from ...tokens.model import ModelTokenizer


def arguments(parser: argparse.ArgumentParser) -> None:
    common.add_text(parser)
    common.add_vocabulary(parser)
    parser.add_argument(
        "--decode", nargs="+", metavar="ID", help="ids as text; blanks or commas between them"
    )
    parser.add_argument(
        "--specials", action="store_true", help="spellings of special tokens become those tokens"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--chips", action="store_true", help="the text as it reads, tokens apart")
    form.add_argument("--ids", action="store_true", help="the ids alone, on one line")
    form.add_argument("--json", action="store_true", help="machine-readable")
    form.add_argument("--html", metavar="FILE", help="write one self-contained page")


def run(args: argparse.Namespace) -> int:
    from . import estimated

    if args.decode:
        return _decode(args)
    text = common.text(args)
    if of := estimated.family(args):
        return estimated.show(args, text, of)
    tokenizer = common.tokenizer(args)
    encoding = tokenizer.encode(text, specials=args.specials)
    other = _other(tokenizer, encoding, args.specials)
    if args.ids:
        print(*encoding.ids)
    elif args.json:
        value = {
            "vocabulary": tokenizer.name,
            "text": text,
            "note": tokenizer.note,
            "notes": tokenizer.notes_on(text)[1:],
            **common.as_json(encoding),
        }
        if other is not None:
            value["other_reading"] = common.as_json(other)
        output.print_json(value)
    elif args.html:
        from ...views.html.tokens import encoding_page

        common.write_page(args.html, encoding_page(tokenizer, encoding, other, args.specials))
    else:
        from ...views import tokens

        view = tokens.chips if args.chips else tokens.listing
        output.show(view, tokenizer.name, encoding)
        for note in tokenizer.notes_on(text):
            output.show(tokens.note, note)
        if other is not None:
            print()
            output.show(tokens.other_reading, tokenizer.name, other, args.specials, args.chips)
    return 0


def _other(tokenizer: ModelTokenizer, encoding: Encoding, specials: bool) -> Encoding | None:
    """The text read the other way, where it spells special tokens and that makes a difference."""
    if not any(spelling in encoding.text for spelling in tokenizer.specials):
        return None
    other = tokenizer.encode(encoding.text, specials=not specials)
    return other if other.ids != encoding.ids else None


def _decode(args: argparse.Namespace) -> int:
    from ...errors import UsageError
    from ...tokens.encoding import parse_ids

    if args.text:
        raise UsageError("Either a text or --decode: the ids come after --decode.")
    if args.html or args.ids or args.chips:
        raise UsageError("--html, --ids and --chips show a text as tokens; --decode makes text.")
    ids = parse_ids(" ".join(args.decode))
    tokenizer = common.tokenizer(args)
    pieces = [tokenizer.piece(id) for id in ids]
    text = tokenizer.decode(ids)
    if args.json:
        value = {"vocabulary": tokenizer.name, "ids": ids, "text": text}
        output.print_json({**value, "bytes": [piece.hex() for piece in pieces]})
    else:
        from ...views import tokens

        print(tokens.quoted(b"".join(pieces)))
    return 0
