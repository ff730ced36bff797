"""`pellucid tokens`: any question about tokens, for any vocabulary.

Each verb has a module of its own.
"""

from __future__ import annotations

import argparse
from importlib import import_module

from .. import options

ENCODE = "encode"
VERBS = {
    ENCODE: "text as tokens, or ids as text (a text alone means this)",
    "compare": "one text under several vocabularies",
    "count": "tokens of files, folders and standard input; what they cost",
    "vocab": "look a vocabulary up; without -m, which there are",
    "train": "learn a vocabulary from a text",
    "explain": "how a text is split, step by step",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", metavar="VERB")
    for verb, line in VERBS.items():
        sub = verbs.add_parser(verb, help=line, description=line[0].upper() + line[1:] + ".")
        module = import_module(f".{verb}", __package__)
        module.arguments(sub)
        sub.set_defaults(act=module.run)
    options.default_verb(parser, ENCODE, VERBS)


def run(args: argparse.Namespace) -> int:
    return int(args.act(args))
