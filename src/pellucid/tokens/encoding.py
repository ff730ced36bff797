"""What text becomes: ids, the bytes of each, and the place of each in the text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ..errors import UsageError
from ..value import value
from .blanks import Side


@value
class Encoding:
    """Text as token ids.

    `ids[i]` is the token's number, `pieces[i]` its bytes, `offsets[i]` the half-open range of
    characters of `text` it covers (a token inside a character covers that whole character), and
    `special[i]` says whether it is a control token.
    """

    text: str
    ids: tuple[int, ...]
    pieces: tuple[bytes, ...]
    offsets: tuple[tuple[int, int], ...]
    special: tuple[bool, ...]
    vocabulary: str

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        text = self.text if len(self.text) <= 60 else f"{self.text[:59]}…"
        return f"Encoding({len(self)} tokens: {text!r})"

    def table(self) -> Any:
        """A pandas data frame, a token a row: id, piece, bytes, start, end, special.

        Raises `UsageError` when pandas is not installed.
        """
        from importlib import import_module

        try:
            pandas = import_module("pandas")
        except ImportError as error:
            raise UsageError("A table of tokens needs pandas: pip install pandas") from error
        return pandas.DataFrame(
            {
                "id": self.ids,
                "piece": [piece.decode("utf-8", "replace") for piece in self.pieces],
                "bytes": self.pieces,
                "start": [start for start, _ in self.offsets],
                "end": [end for _, end in self.offsets],
                "special": self.special,
            }
        )


class Tokenizer(Protocol):
    """Text to ids and back, under one vocabulary."""

    @property
    def name(self) -> str:
        """What the vocabulary is called, for people."""

    @property
    def fingerprint(self) -> str:
        """Equal for equal vocabularies: hex digits."""

    @property
    def specials(self) -> dict[str, int]:
        """Spelling of every control token -> id. Text that is not scaffold never becomes one."""

    @property
    def swallows(self) -> Mapping[str, Side]:
        """The control tokens that take the white space beside them with them, and where."""

    @property
    def bos(self) -> int | None:
        """The id put in front of a whole text, when the model's configuration adds one."""

    @property
    def end_ids(self) -> frozenset[int]:
        """Ids that end a generation."""

    def encode(self, text: str, *, specials: bool = False) -> Encoding:
        """Ids of `text`, nothing added in front.

        Spellings of control tokens are ordinary text unless `specials` is true. Raises
        `TokenError` with the position of a lone surrogate.
        """

    def decode(self, ids: Sequence[int]) -> str:
        """The text of `ids`; bytes that are not UTF-8 become U+FFFD."""

    def piece(self, id: int) -> bytes:
        """The bytes of one id; raises `TokenError` when it is outside the vocabulary."""

    def lost(self, text: str) -> str:
        """The characters of `text` that the vocabulary lacks bytes for, once each, in order: they
        do not come back when its ids are decoded. Nothing where that is not known."""


def parse_ids(words: str) -> list[int]:
    """Ids as people write them, blanks or commas between them, brackets around them or not.

    Raises `UsageError` for what is no whole number from 0.
    """
    found = words.replace(",", " ").strip("[] \n").split()
    wrong = next((word for word in found if not (word.isascii() and word.isdigit())), None)
    if wrong is not None or not found:
        raise UsageError(f"Ids are whole numbers from 0, not {wrong or ''!r}.")
    return [int(word) for word in found]
