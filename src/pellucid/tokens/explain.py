"""How a text is split, step by step: the pieces, then each merge with its rank."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

from ..errors import UnsupportedVocabulary
from ..value import value
from . import normalize
from .bpe import Bpe, steps
from .encoding import Tokenizer
from .pretokenize import Pretokenizer
from .sentencepiece import SentencePieceTokenizer
from .surrogates import refuse_lone
from .tokenizer import BpeTokenizer


@value
class Step:
    """A merge: its rank (the lower, the earlier it was learned), the token it makes, and the
    bytes of all tokens of the piece after it."""

    rank: int
    made: bytes
    tokens: tuple[bytes, ...]


@value
class Explained:
    """One piece that the pre-tokenizer cut, and how it became tokens.

    It begins as `start`: one token a byte, or one a character (`unit`). `whole` says that it is a
    token as it stands, so that nothing had to be merged; `steps` then tell how merging makes it,
    where it does. `unknown` are its characters without a token, which are spelt in bytes after
    the last merge, or left out where the vocabulary has no such bytes. `prefixed`: the blank in
    front is not the text's own.
    """

    text: str
    whole: bool
    start: tuple[bytes, ...]
    steps: tuple[Step, ...]
    ids: tuple[int, ...]
    pieces: tuple[bytes, ...]
    unit: Literal["bytes", "characters"] = "bytes"
    unknown: tuple[str, ...] = ()
    prefixed: bool = False


@value
class CharacterBpe(Bpe):
    """SentencePiece's way: a piece starts as one token a character, found by `find`. A character
    without a token takes part as a number from `size` on, which merges with nothing, and is spelt
    in bytes at the end."""

    find: Callable[[bytes], int | None] = lambda piece: None
    size: int = 0

    def start(self, piece: bytes) -> tuple[int, ...]:
        """A piece before any merge: one token a character."""
        found = ((character, self.find(character.encode())) for character in piece.decode())
        return tuple(self.size + ord(c) if id is None else id for c, id in found)

    def merged(self, piece: bytes) -> tuple[int, ...]:
        """The ids of one piece."""
        out: list[int] = []
        for id in Bpe.merged(self, piece):
            out += [id] if id < self.size else Bpe.start(self, chr(id - self.size).encode())
        return tuple(out)


def readable(tokenizer: Tokenizer) -> Bpe:
    """The readable encoder over the vocabulary of `tokenizer`.

    Raises `UnsupportedVocabulary` where it is no byte-pair encoding that is read here.
    """
    vocabulary = _bpe(tokenizer).vocabulary
    split = Pretokenizer(vocabulary.pretokenizer).split
    if vocabulary.sentencepiece:
        size = len(vocabulary)
        return CharacterBpe(
            split=split,
            pieces=lambda id: vocabulary.piece(id) if id < size else chr(id - size).encode(),
            pair=vocabulary.pair,
            atoms=vocabulary.byte_ids,
            find=vocabulary.find,
            size=size,
        )
    return Bpe(
        split=(lambda text: split(normalize.nfc(text))) if vocabulary.nfc else split,
        pieces=vocabulary.piece,
        pair=vocabulary.pair,
        atoms=vocabulary.byte_ids,
        whole=(
            vocabulary.find if vocabulary.ranked or vocabulary.ignore_merges else lambda piece: None
        ),
    )


def _bpe(tokenizer: Tokenizer) -> BpeTokenizer:
    if not isinstance(tokenizer, BpeTokenizer):
        raise UnsupportedVocabulary(
            f"{tokenizer.name} is read by another library, which does not tell its steps. Its "
            "tokens can be shown: leave out `explain`."
        )
    return tokenizer


def explain(tokenizer: Tokenizer, text: str) -> list[Explained]:
    """The pieces of `text`, in order, each with its merges.

    Time grows with the square of the longest piece. Raises `TokenError` for a lone surrogate and
    `UnsupportedVocabulary`.
    """
    refuse_lone(text)
    bpe = _bpe(tokenizer)
    encoder = readable(bpe)
    out = []
    done, begins = 0, True  # characters of the text, and whether a stretch of plain text begins
    for piece, added in bpe.cut(text):
        if added is not None:
            out.append(_taken(piece, added))
            done, begins = done + len(piece), True
            continue
        prefixed = (
            begins
            and isinstance(bpe, SentencePieceTokenizer)
            and bpe.prefixed(text[done : done + 1], done)
        )
        out.append(_explained(encoder, piece, prefixed, bpe.lost(piece)))
        done, begins = done + len(piece) - prefixed, False
    return out


def _taken(text: str, id: int) -> Explained:
    """An added token, which is found before anything is cut."""
    spelled = text.encode()
    return Explained(text, True, (spelled,), (), (id,), (spelled,))


def _explained(encoder: Bpe, piece: str, prefixed: bool, lost: str) -> Explained:
    data = piece.encode()
    start = encoder.start(data)
    merges = []
    for rank, place, after in steps(start, encoder.pair):
        tokens = tuple(map(encoder.pieces, after))
        merges.append(Step(rank, tokens[place], tokens))
    ids = encoder.merged(data)
    unit: Literal["bytes", "characters"] = "bytes"
    unknown: Iterable[str] = lost
    if isinstance(encoder, CharacterBpe):
        unit = "characters"
        unknown = [c for c in piece if encoder.find(c.encode()) is None]
    return Explained(
        text=piece,
        whole=encoder.whole(data) is not None,
        start=tuple(map(encoder.pieces, start)),
        steps=tuple(merges),
        ids=ids,
        pieces=tuple(map(encoder.pieces, ids)),
        unit=unit,
        unknown=tuple(dict.fromkeys(unknown)),
        prefixed=prefixed,
    )
