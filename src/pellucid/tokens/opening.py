"""Opening a built vocabulary: the tokenizer that it needs."""

from __future__ import annotations

from pathlib import Path

from . import compiled
from .compiled import Compiled
from .tokenizer import BpeTokenizer


def open_tokenizer(path: Path) -> BpeTokenizer:
    """The tokenizer of the vocabulary that `compiled.build` wrote to `path`.

    Raises `BrokenVocabulary`: build it again.
    """
    return tokenizer_of(compiled.open_(path))


def tokenizer_of(vocabulary: Compiled) -> BpeTokenizer:
    """The tokenizer over a built vocabulary."""
    if vocabulary.sentencepiece is None:
        return BpeTokenizer(vocabulary)
    from .sentencepiece import SentencePieceTokenizer

    return SentencePieceTokenizer(vocabulary)
