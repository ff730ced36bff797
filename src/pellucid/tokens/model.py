"""A model's tokenizer as its configuration has it: what is put around every text included."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..errors import TokenError
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
        front, back = ([*map(self.plain.piece, ids)] for ids in (self.front, self.back))
        return about_added(front, back)

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
        try:
            encoding = self.plain.encode(text, specials=specials)
        except (AttributeError, TypeError):
            _require_text(text)
            raise
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
        try:
            return self.plain.text(ids)
        except TypeError as error:
            raise TokenError(f"Ids are a list of whole numbers, not {ids!r:.60}.") from error

    def piece(self, id: int) -> bytes:
        """The bytes of one id; raises `TokenError` when it is outside the vocabulary."""
        return self.plain.piece(id)

    def count(self, text: str, *, specials: bool = False, add: bool = True) -> int:
        """How many tokens `encode` makes of `text`."""
        around = len(self.front) + len(self.back) if add else 0
        try:
            return self.plain.count(text, specials=specials) + around
        except (AttributeError, TypeError):
            _require_text(text)
            raise


def about_added(front: Sequence[bytes], back: Sequence[bytes] = ()) -> str:
    """A sentence on the tokens that a model's configuration puts around a text."""
    around = [
        f"{b' '.join(pieces).decode('utf-8', 'replace')} {place}"
        for pieces, place in ((front, "in front"), (back, "at the end"))
        if pieces
    ]
    return f"The model's configuration adds {' and '.join(around) or 'nothing'}."


def _require_text(text: object) -> None:
    # Looked at only when something went wrong: what is right pays nothing for it.
    if not isinstance(text, str):
        raise TokenError(f"A text is a string, not {type(text).__name__}.")
