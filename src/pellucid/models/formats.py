"""A name or a file -> the chat templates it means, and a tokenizer for them where there is one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..engine import client
from ..errors import UnknownModel, UnknownTemplate
from ..prompt import families, sources
from ..prompt.families import ChatFormat, Family
from ..settings import Folders, Settings, expanded
from ..tokens.encoding import Tokenizer
from ..value import value
from .tokenizers import FILES as VOCABULARY_FILES
from .tokenizers import open_tokenizer

FILES = (".json", ".jinja", ".j2")


@value
class Formats:
    """The chat templates of one model, the default one first.

    `without_ids` says why there is no `tokenizer`.
    """

    formats: tuple[ChatFormat, ...]
    tokenizer: Tokenizer | None = None
    without_ids: str = ""


def open_formats(
    name: str,
    settings: Settings,
    *,
    ids: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Formats:
    """The chat templates that `name` means: a family's or a model's name, a GGUF file,
    a `tokenizer_config.json`, a `.jinja` file, or the folder of a model.

    With `ids`, the vocabulary of a family is opened too, and that beside a file of a template;
    that of a GGUF file always is. Raises `UnknownTemplate` with the nearest names, `TemplateError`
    for a file without a template or one that cannot be read, `BadModelFile`; with `ids`, what
    `open_tokenizer` does.
    """
    path = expanded(name)
    if path.suffix in FILES or path.is_dir():
        found = tuple(sources.read_file(path))
        folder = path if path.is_dir() else path.parent
        if not any((folder / file).is_file() for file in VOCABULARY_FILES):
            return Formats(found, None, f"There is no vocabulary beside {path} to take ids of.")
        tokenizer = open_tokenizer(folder, settings).plain if ids else None
        return Formats(found, tokenizer)
    if not path.is_file():
        try:
            family = families.family(name)
        except UnknownTemplate as unknown:
            path = _model_file(name, unknown, settings, progress)
        else:
            return _of_family(family, settings, ids, progress)
    return _from_gguf(path)


def _of_family(
    family: Family, settings: Settings, ids: bool, progress: Callable[[int, int], None] | None
) -> Formats:
    if not family.vocabulary:
        said = f"Models of several vocabularies use {family.name}: name a model, or its GGUF file."
        return Formats((family.format,), None, said)
    tokenizer = (
        open_tokenizer(family.vocabulary, settings, progress=progress).plain if ids else None
    )
    return Formats((family.format,), tokenizer)


def _model_file(
    name: str,
    unknown: UnknownTemplate,
    settings: Settings,
    progress: Callable[[int, int], None] | None,
) -> Path:
    """The file of a model that the catalog knows; raises `unknown` for any other name."""
    from .names import locate

    try:
        return locate(name, settings, progress=progress)
    except UnknownModel as error:
        near = dict.fromkeys((*unknown.near, *error.near))
        raise UnknownTemplate(name, tuple(near)[:3], families.names()) from None


def _from_gguf(path: Path) -> Formats:
    from ..engine import gguf
    from .card import open_card

    card = open_card(path, path.name, Folders.of())
    vocabulary = card.tokenizer(_no_engine)
    found = sources.from_gguf(
        str(path),
        gguf.read(path, arrays=False).metadata,
        bos=card.bos_text,
        eos=card.eos_text,
        adds_bos=card.add_bos,
        controls=sorted(vocabulary.specials),
    )
    if card.unsupported is None:
        return Formats(tuple(found), vocabulary)
    # The engine's own tokenizer knows its control tokens, but for ids it would have to be started.
    return Formats(tuple(found), None, card.unsupported)


def _no_engine() -> client.Address:
    raise AssertionError("a template needs no engine")
