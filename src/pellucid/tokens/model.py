"""A model's tokenizer as its configuration has it: what is put around every text included."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..value import value
from .encoding import Encoding, Tokenizer
from .losses import about_lost


class PlainTokenizer(Tokenizer, Protocol):
    """A `Tokenizer` that adds nothing, and can leave pieces and offsets away."""

    def __len__(self) -> int:
        """How many ids there are."""

    def ids(self, text: str, *, specials: bool = False) -> list[int]:
        """The ids of `encode`, without their pieces and offsets."""

    def count(self, text: str, *, specials: bool = False) -> int:
        """How many those are."""

    def text(self, ids: Sequence[int]) -> str:
        """The text that `ids` were encoded from: without blanks that were put in front."""


@value
class ModelTokenizer:
    """What a model makes of a text.

    `plain` is the tokenizer itself, which adds nothing; `front` and `back` are the ids that the
    model's configuration puts around every text. `note` says so in a sentence, for people;
    `notes` are others that a reader ought to know.
    """

    name: str
    plain: PlainTokenizer
    front: tuple[int, ...] = ()
    back: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def note(self) -> str:
        around = [
            f"{' '.join(map(self._spelled, ids))} {place}"
            for ids, place in ((self.front, "in front"), (self.back, "at the end"))
            if ids
        ]
        return f"The model's configuration adds {' and '.join(around) or 'nothing'}."

    @property
    def specials(self) -> dict[str, int]:
        """Spelling of every control token -> id."""
        return self.plain.specials

    def notes_on(self, text: str) -> tuple[str, ...]:
        """What a reader of this text's tokens ought to know: `note`, `notes`, what is left out."""
        return (self.note, *self.notes, *about_lost(self.plain.lost(text)))

    def __len__(self) -> int:
        """How many ids there are."""
        return len(self.plain)

    def encode(self, text: str, *, specials: bool = False, add: bool = True) -> Encoding:
        """`text` as the model gets it; without `add`, nothing is put around it.

        What is added covers no characters. Spellings of control tokens are ordinary text unless
        `specials` is true. Raises `TokenError` with the position of a lone surrogate.
        """
        encoding = self.plain.encode(text, specials=specials)
        if not add or not (self.front or self.back):
            return encoding
        front, back, end = len(self.front), len(self.back), len(text)
        return Encoding(
            text,
            ids=(*self.front, *encoding.ids, *self.back),
            pieces=(
                *map(self.plain.piece, self.front),
                *encoding.pieces,
                *map(self.plain.piece, self.back),
            ),
            offsets=(*[(0, 0)] * front, *encoding.offsets, *[(end, end)] * back),
            special=(*[True] * front, *encoding.special, *[True] * back),
            vocabulary=encoding.vocabulary,
        )

    def decode(self, ids: Sequence[int]) -> str:
        """The text of `ids`, control tokens spelt out; bytes that are not UTF-8 become U+FFFD.

        The inverse of `encode`: a blank that the vocabulary put in front of the text is left out.
        Raises `TokenError` for an id outside the vocabulary.
        """
        return self.plain.text(ids)

    def piece(self, id: int) -> bytes:
        """The bytes of one id; raises `TokenError` when it is outside the vocabulary."""
        return self.plain.piece(id)

    def count(self, text: str, *, specials: bool = False, add: bool = True) -> int:
        """How many tokens `encode` makes of `text`."""
        around = len(self.front) + len(self.back) if add else 0
        return self.plain.count(text, specials=specials) + around

    def _spelled(self, id: int) -> str:
        return self.plain.piece(id).decode("utf-8", "replace")
