"""SentencePiece's byte-pair encoding: Llama 2, Mistral before Tekken, Phi-3, Gemma.

Text starts as one token a character. What has no token of its own at the end is spelt in bytes,
each of which has one. Blanks are part of the words after them, and nothing merges across the
place before a blank, so that words can be encoded one by one (where a vocabulary allows that).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from . import bpe, offsets
from .blanks import BLANK
from .compiled import Compiled
from .splits import splits
from .tokenizer import BpeTokenizer


class SentencePieceTokenizer(BpeTokenizer):
    """BPE over a built vocabulary of SentencePiece's kind; a `Tokenizer`.

    A text with U+2581 in it comes back with a blank in its place: the two are the same token.
    """

    def __init__(self, vocabulary: Compiled) -> None:
        super().__init__(vocabulary)
        assert vocabulary.sentencepiece is not None
        self._rule = vocabulary.sentencepiece

    def find(self, piece: bytes) -> int | None:
        """The token with these bytes that text can become."""
        if len(piece) == 1 and piece[0] >= 0x80:
            return self._vocabulary.byte_ids[piece[0]]
        return self._vocabulary.find(piece)

    def splits(self, data: bytes, count: int, last: int) -> list[tuple[int, ...]]:
        return splits(self, data, count, last)

    def text(self, ids: Sequence[int]) -> str:
        """The text that `ids` were encoded from: without the blanks put in front of it.

        After a BOS and nothing else, text is taken to begin.
        """
        added = {*self._vocabulary.controls.values(), *self._vocabulary.blanks.values()}
        every = self._rule.prefix == "always"
        begins = self._rule.prefix != "never"
        parts = []
        for id in ids:
            piece = self._vocabulary.piece(id)
            if id in added:
                begins = every or (begins and id == self._vocabulary.bos)
            else:
                piece, begins = piece.removeprefix(b" ") if begins else piece, False
            parts.append(piece)
        return b"".join(parts).decode("utf-8", "replace")

    def prefixed(self, text: str, start: int) -> bool:
        """Whether a blank is put in front of a stretch of text that begins at character `start`."""
        if self._rule.prefix == "never" or (self._rule.prefix == "first" and start):
            return False
        return not (self._rule.unless_blank and text[:1] in (" ", BLANK))

    def _prepared(self, text: str, start: int) -> str:
        text = super()._prepared(text, start).replace(BLANK, " ")
        return f" {text}" if self.prefixed(text, start) else text

    def _encoder(self, new: list[str]) -> Callable[[str], Sequence[int]]:
        return self._merge

    def _merge(self, piece: str) -> Sequence[int]:
        vocabulary, size = self._vocabulary, len(self._vocabulary)
        # A character without a token becomes a number past all ids: nothing merges with that.
        atoms = [
            size + ord(character) if (id := vocabulary.find(character.encode())) is None else id
            for character in piece
        ]
        ids: list[int] = []
        for id in bpe.merge(atoms, vocabulary.pair):
            ids += [id] if id < size else self._spelt(chr(id - size))
        return tuple(ids)

    def _spelt(self, character: str) -> Iterator[int]:
        for byte in character.encode():
            id = self._vocabulary.byte_ids[byte]
            assert id is not None  # looked at when the vocabulary was read
            yield id

    def _offsets(self, ids: list[int], text: str, start: int) -> Iterator[tuple[int, int]]:
        before = start - 1 if self.prefixed(text, start) else start
        for first, end in offsets.counted(self._vocabulary, ids, before):
            yield max(first, start), max(end, start)
