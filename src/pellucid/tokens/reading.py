"""A row of the table of names, and the file it names -> the vocabulary."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import PurePath

from ..errors import UnknownModel, UnpublishedVocabulary, UnsupportedVocabulary
from . import names
from .blanks import Side
from .names import Row
from .sentencepiece_model import from_model
from .tekken import from_tekken
from .tiktoken_file import from_tiktoken, looks_like, unpacked
from .tokenizer_json import from_tokenizer_json
from .vocabulary import Kind, Vocabulary


def from_row(row: Row, data: bytes, config: bytes | None = None) -> Vocabulary:
    """The vocabulary of a row of `names.toml`, from the file it names, or one of its repository.

    `config` is the `tokenizer_config.json` of that. Raises `UnsupportedVocabulary`.
    """
    match row.format:
        case "tiktoken":
            vocabulary = from_tiktoken(data, row.pretokenizer, specials=row.controls())
        case "sentencepiece":
            vocabulary = from_model(data)
        case "tekken":
            vocabulary = from_tekken(data)
        case "tokenizer.json":
            vocabulary = from_tokenizer_json(data)
        case _:
            vocabulary = from_file(data, row.name, config)
    return configured(vocabulary, row)


def from_file(data: bytes, name: str, config: bytes | None = None) -> Vocabulary:
    """The vocabulary in a file that is called `name`: a `tokenizer.json`, a `tekken.json`, one of
    SentencePiece or of tiktoken. `config` is the `tokenizer_config.json` beside it.

    Files in tiktoken's format are known by their content, or by their name. Raises
    `UnsupportedVocabulary`.
    """
    if looks_like(data):
        return from_row(_tiktoken_row(data, name), data)
    if ".tiktoken" in PurePath(name).suffixes:
        raise UnsupportedVocabulary(
            "It is not in tiktoken's format: its first line is not a token in base64 and its rank."
        )
    if data.lstrip()[:1] == b"{":
        tekken = b'"default_num_special_tokens"' in data[:100_000] + data[-100_000:]
        vocabulary = from_tekken(data) if tekken else from_tokenizer_json(data)
    else:
        vocabulary = from_model(data)
    if config is not None:
        vocabulary = _as_configured(vocabulary, config)
    return replace(vocabulary, name=name)


def configured(vocabulary: Vocabulary, row: Row) -> Vocabulary:
    """The vocabulary with what a row says of it in place of what its file says.

    Raises `UnsupportedVocabulary` where the two do not fit.
    """
    if row.own:
        vocabulary = _with_specials(vocabulary, row.controls())
    ids = vocabulary.controls
    missing = {*row.ends, row.bos or ""} - {*ids, ""}
    if missing:
        raise UnsupportedVocabulary(f"It has no special token {min(missing)!r}.")
    swallows = dict(vocabulary.swallows)
    if row.swallows:
        swallows = {text: row.swallows for text in ids if text not in row.exceptions}
    return replace(
        vocabulary,
        name=row.name,
        bos=vocabulary.bos if row.bos is None else ids[row.bos] if row.bos else None,
        end_ids=frozenset(ids[end] for end in row.ends) or vocabulary.end_ids,
        swallows=swallows,
    )


def _with_specials(vocabulary: Vocabulary, controls: Mapping[str, int]) -> Vocabulary:
    """The same text under other special tokens."""
    size = max(len(vocabulary.pieces), max(controls.values()) + 1)
    added = size - len(vocabulary.pieces)
    pieces = [*vocabulary.pieces, *[b""] * added]
    kinds = bytearray(vocabulary.kinds) + bytearray([Kind.UNUSED]) * added
    for id in vocabulary.controls.values():
        pieces[id], kinds[id] = b"", Kind.UNUSED
    for spelling, id in controls.items():
        pieces[id], kinds[id] = spelling.encode(), Kind.CONTROL
    return replace(
        vocabulary,
        pieces=tuple(pieces),
        kinds=bytes(kinds),
        controls=dict(controls),
        bos=None,
        end_ids=frozenset(),
        swallows=dict[str, Side](),
    )


def _tiktoken_row(data: bytes, name: str) -> Row:
    digest = sha256(unpacked(data)).hexdigest()
    known = [row for row in names.rows() if row.format == "tiktoken"]
    if found := next((row for row in known if row.sha256 == digest), None):
        return found
    try:
        found = names.row(PurePath(name).name.partition(".tiktoken")[0])
    except (UnknownModel, UnpublishedVocabulary):
        found = None
    if found is None or found.format != "tiktoken":
        raise UnsupportedVocabulary(
            f"A file in tiktoken's format says neither its pre-tokenizer nor its special tokens, "
            f"and {name} is none that is known: name it after one, as o200k_base.tiktoken."
        )
    return found


def _as_configured(vocabulary: Vocabulary, config: bytes) -> Vocabulary:
    """With a BOS in front or without, where a `tokenizer_config.json` says which."""
    try:
        keys = json.loads(config)
        adds, bos = keys.get("add_bos_token"), keys.get("bos_token")
    except (ValueError, AttributeError):
        return vocabulary
    spelling = bos.get("content") if isinstance(bos, dict) else bos
    if adds is True and isinstance(spelling, str) and spelling in vocabulary.controls:
        return replace(vocabulary, bos=vocabulary.controls[spelling])
    return replace(vocabulary, bos=None) if adds is False else vocabulary
