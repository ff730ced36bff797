"""`pellucid embed`: texts as vectors, and how near they are."""

from __future__ import annotations

import argparse

from . import options, output


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("text", nargs="*", help="texts; without any, each line of standard input")
    options.add_model(parser)
    parser.add_argument("--offline", action="store_true", help="reach no other machine")
    parser.add_argument("--json", action="store_true", help="print the vectors, whole, as JSON")


def run(args: argparse.Namespace) -> int:
    from ..models.embeddings import open_embedder
    from ..views import embeddings

    texts = args.text or [line for line in options.standard_input().splitlines() if line.strip()]
    with output.Fetching() as progress:
        embedder = open_embedder(options.one_model(args), options.settings(args), progress)
    found = embedder.embed(texts)
    if args.json:
        output.print_json(
            {
                "model": found.model,
                "vectors": found.vectors,
                "tokens": found.usage.input_total,
                "notes": found.notes,
            }
        )
    else:
        output.show(embeddings.embeddings, found, texts)
    return 0
