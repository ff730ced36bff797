"""`pellucid ask`: one question, one answer."""

from __future__ import annotations

import argparse
import sys

from . import options, output


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("question", nargs="*", help="standard input is joined to it")
    options.add_talk(parser)
    parser.add_argument("--json", action="store_true", help="print the receipt as JSON")
    parser.add_argument("--no-log", action="store_true", help="keep no receipt")


def run(args: argparse.Namespace) -> int:
    options.one_model(args)
    question = options.question(args.question)
    if not question:
        from ..errors import UsageError

        raise UsageError('Nothing was asked: pellucid ask "why is the sky blue?"')
    from ..replies import TextDelta

    chat = options.chat(args)
    turn = chat.stream(question)
    try:
        for event in turn.events():
            if isinstance(event, TextDelta) and not args.json:
                output.piece(event.text)
    finally:
        if turn.receipt is not None:
            _end(turn.receipt, args.json)
    return 0


def _end(receipt: object, as_json: bool) -> None:
    from ..record.receipt import Receipt
    from ..views import terminal

    assert isinstance(receipt, Receipt)
    if as_json:
        from ..record.codec import to_json

        output.print_json(to_json(receipt))
        return
    if receipt.reply.text and not receipt.reply.text.endswith("\n"):
        print()
    if sys.stderr.isatty():
        output.quiet(terminal.status_line(receipt))
