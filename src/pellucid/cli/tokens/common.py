"""What the verbs share: the vocabulary that was named, the text, the page."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import options, output

if TYPE_CHECKING:
    from ...tokens.encoding import Encoding
    from ...tokens.model import ModelTokenizer


def add_vocabulary(parser: argparse.ArgumentParser, *, several: bool = False) -> None:
    what = "a model, a vocabulary, or a file: GGUF, tokenizer.json, .tiktoken, SentencePiece"
    model = parser.add_argument(
        "-m",
        "--model",
        action="append" if several else "store",
        metavar="NAME",
        help=f"{what}; several with commas between, or -m again" if several else what,
    )
    options.completes(model, _names)
    parser.add_argument("--offline", action="store_true", help="reach no other machine")


def add_text(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("text", nargs="*", help="default: standard input, exactly as it comes")


def _names(prefix: str, **_: Any) -> list[str]:
    from ...tokens import names

    vocabularies = [name for name in names.known() if name.startswith(prefix)]
    return [*options.model_names(prefix), *vocabularies]


def name(args: argparse.Namespace) -> str:
    """The model that was named, else the one that is set."""
    return str(options.settings(args).model if args.model is None else args.model)


def tokenizer(args: argparse.Namespace, vocabulary: str | None = None) -> ModelTokenizer:
    """The tokenizer of `vocabulary` (default: of the model that was named), fetched if need be."""
    from ...models.tokenizers import open_tokenizer

    settings = options.settings(args)
    with output.Fetching() as progress:
        return open_tokenizer(vocabulary or name(args), settings, progress=progress)


def text(args: argparse.Namespace) -> str:
    """The words of the command, or standard input as it comes. Raises `UsageError` for neither."""
    from ...errors import UsageError

    if args.text:
        return " ".join(args.text)
    found = options.standard_input()
    if not found:
        raise UsageError('There is no text: pellucid tokens "Hi my name is Stephen"')
    return found


def as_json(encoding: Encoding) -> dict[str, Any]:
    from ...views.tokens import added

    return {
        "ids": encoding.ids,
        "pieces": [piece.decode("utf-8", "replace") for piece in encoding.pieces],
        "bytes": [piece.hex() for piece in encoding.pieces],
        "offsets": encoding.offsets,
        "special": encoding.special,
        "added": added(encoding),
    }


def write_page(path: str, page: str) -> None:
    """Write a page. Raises `UsageError` when it cannot be written."""
    import sys

    from ...errors import UsageError

    try:
        Path(path).write_text(page, "utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}.") from error
    print(f"written to {path}", file=sys.stderr)
