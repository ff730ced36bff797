"""`pellucid tokens explain`: pre-tokenizer pieces, then each merge with its rank."""

from __future__ import annotations

import argparse
from typing import Any

from .. import output
from . import common


def arguments(parser: argparse.ArgumentParser) -> None:
    common.add_text(parser)
    common.add_vocabulary(parser)
    parser.add_argument("--json", action="store_true", help="machine-readable")


def run(args: argparse.Namespace) -> int:
    from ...errors import UsageError
    from ...tokens.explain import explain
    from ...tokens.measures import ages
    from ...views import tokens

    text = common.text(args)
    if not text:
        raise UsageError("The text is empty: there is nothing to explain.")
    tokenizer = common.tokenizer(args)
    explained = explain(tokenizer.plain, text)
    three = ages(tokenizer.encode(text), len(tokenizer))
    if args.json:
        value = {"vocabulary": tokenizer.name, "pieces": explained, "ages": three}
        output.print_json(_plain(value))
        return 0
    output.show(tokens.explained, explained)
    print()
    output.show(tokens.ages, three)
    return 0


def _plain(value: Any) -> Any:
    """Values as JSON has them; bytes as text, those that are not UTF-8 as \\xNN."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        from dataclasses import asdict

        return _plain(asdict(value))
    return value
