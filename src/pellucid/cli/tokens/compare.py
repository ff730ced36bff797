"""`pellucid tokens compare`: one text under several vocabularies."""

from __future__ import annotations

import argparse

from .. import output
from . import common


def arguments(parser: argparse.ArgumentParser) -> None:
    common.add_text(parser)
    common.add_vocabulary(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="machine-readable")
    form.add_argument("--html", metavar="FILE", help="write one self-contained page")


def run(args: argparse.Namespace) -> int:
    from ...errors import UsageError

    names = [name.strip() for name in (args.model or "").split(",") if name.strip()]
    if len(names) < 2:
        raise UsageError('Name several: pellucid tokens compare "Hi" -m llama-3.1,phi-3,gpt-4o')
    text = common.text(args)
    tokenizers = [common.tokenizer(args, name) for name in dict.fromkeys(names)]
    rows = {
        name: tokenizer.encode(text)
        for name, tokenizer in zip(dict.fromkeys(names), tokenizers, strict=True)
    }
    if args.json:
        output.print_json(
            {"text": text, "encodings": {n: common.as_json(row) for n, row in rows.items()}}
        )
    elif args.html:
        from ...views.html.tokens import comparison_page

        sizes = dict(zip(rows, map(len, tokenizers), strict=True))
        common.write_page(args.html, comparison_page(rows, sizes))
    else:
        from ...views import tokens

        output.show(tokens.comparison, rows)
    return 0
