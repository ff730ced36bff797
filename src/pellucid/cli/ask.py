"""`pellucid ask`: one question, one answer."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import options, output, toolbox

if TYPE_CHECKING:
    from ..messages import Message


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("question", nargs="*", help="standard input is joined to it")
    options.add_talk(parser)
    toolbox.arguments(parser)
    parser.add_argument(
        "--json-schema", metavar="FILE", help="answer with JSON that fits this schema"
    )
    parser.add_argument("--json", action="store_true", help="print the receipt as JSON")
    parser.add_argument("--no-log", action="store_true", help="keep no receipt")


def run(args: argparse.Namespace) -> int:
    options.one_model(args)
    question = options.question(args.question)
    if not question:
        from ..errors import UsageError

        raise UsageError('Nothing was asked: pellucid ask "why is the sky blue?"')
    message = options.message(question, options.attached(args.attach))
    if args.json_schema:
        return _data(args, message)
    from ..replies import TextDelta
    from ..tools.running import ToolRan

    chat = options.chat(args)
    turn = chat.stream(message)
    try:
        for event in turn.events():
            if isinstance(event, TextDelta) and not args.json:
                output.piece(event.text)
            elif isinstance(event, ToolRan):
                toolbox.show(event)
    finally:
        if turn.receipt is not None:
            _end(turn.receipt, args.json)
    return 0


def _data(args: argparse.Namespace, message: str | Message) -> int:
    """The answer as an object; nothing is printed before it is known to fit."""
    schema = _schema(args.json_schema)
    chat = options.chat(args)
    value = chat.json(message, schema)
    if args.json:
        _end(chat.receipts[-1], True)
    else:
        output.print_json(value)
    return 0


def _schema(path: str) -> dict[str, Any]:
    from ..errors import UsageError

    try:
        schema = json.loads(options.utf8(Path(path).read_bytes(), path))
    except ValueError as error:
        raise UsageError(f"{path} is not JSON: {error}.") from error
    if not isinstance(schema, dict):
        raise UsageError(f"{path} holds {type(schema).__name__}; a JSON schema is an object.")
    from ..structured import check_schema

    check_schema(schema)
    return schema


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
