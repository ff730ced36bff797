"""How a text is split, step by step: the pieces, then each merge with its rank."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import UnsupportedVocabulary
from . import normalize
from .bpe import Bpe, steps
from .encoding import Tokenizer
from .pretokenize import Pretokenizer
from .surrogates import refuse_lone
from .tokenizer import BpeTokenizer


@dataclass(frozen=True, slots=True)
class Step:
    """A merge: its rank (the lower, the earlier it was learned), the token it makes, and the
    bytes of all tokens of the piece after it."""

    rank: int
    made: bytes
    tokens: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """One piece that the pre-tokenizer cut, and how its bytes became tokens.

    `whole` says that it is a token as it stands, so that nothing had to be merged; `steps` then
    tell how merging makes it, where it does.
    """

    text: str
    whole: bool
    start: tuple[bytes, ...]
    steps: tuple[Step, ...]
    ids: tuple[int, ...]
    pieces: tuple[bytes, ...]


def readable(tokenizer: Tokenizer) -> Bpe:
    """The readable encoder over the vocabulary of `tokenizer`.

    Raises `UnsupportedVocabulary` where it is not byte-level BPE.
    """
    if not isinstance(tokenizer, BpeTokenizer) or tokenizer.vocabulary.sentencepiece:
        raise UnsupportedVocabulary(
            f"{tokenizer.name} is not byte-level BPE: its steps cannot be shown, its tokens can: "
            "leave out `explain`."
        )
    vocabulary = tokenizer.vocabulary
    split = Pretokenizer(vocabulary.pretokenizer).split
    return Bpe(
        split=(lambda text: split(normalize.nfc(text))) if vocabulary.nfc else split,
        pieces=vocabulary.piece,
        pair=vocabulary.pair,
        atoms=vocabulary.byte_ids,
        whole=(
            vocabulary.find if vocabulary.ranked or vocabulary.ignore_merges else lambda piece: None
        ),
    )


def explain(tokenizer: Tokenizer, text: str) -> list[Explained]:
    """The pieces of `text`, in order, each with its merges.

    Time grows with the square of the longest piece. Raises `TokenError` for a lone surrogate and
    `UnsupportedVocabulary`.
    """
    refuse_lone(text)
    encoder = readable(tokenizer)
    return [_explained(encoder, piece) for piece in encoder.split(text)]


def _explained(encoder: Bpe, piece: str) -> Explained:
    data = piece.encode()
    start = encoder.start(data)
    merges = []
    for rank, place, after in steps(start, encoder.pair):
        tokens = tuple(map(encoder.pieces, after))
        merges.append(Step(rank, tokens[place], tokens))
    ids = encoder.merged(data)
    return Explained(
        text=piece,
        whole=encoder.whole(data) is not None,
        start=tuple(map(encoder.pieces, start)),
        steps=tuple(merges),
        ids=ids,
        pieces=tuple(map(encoder.pieces, ids)),
    )
