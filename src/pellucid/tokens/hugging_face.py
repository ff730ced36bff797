"""The library `tokenizers` itself, for a `tokenizer.json` that is not read here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from ..errors import TokenError, UnsupportedVocabulary
from .blanks import Side
from .encoding import Encoding
from .surrogates import refuse_lone
from .vocabulary import bytes_of


class HuggingFaceTokenizer:
    """A `Tokenizer` over a `tokenizer.json`, answered by the library.

    Its added tokens that are not special are found in any text, as the library does it. Raises
    `UnsupportedVocabulary` where the library is missing or cannot read `data` either; `why` is
    the sentence that says why the library is needed.
    """

    def __init__(self, data: bytes, name: str, why: str) -> None:
        try:
            from tokenizers import Tokenizer
        except ImportError as error:
            raise UnsupportedVocabulary(
                f"{why} The library `tokenizers` may read it: pip install tokenizers."
            ) from error
        try:
            self._library: Any = Tokenizer.from_buffer(data)
            self._file = json.loads(data)
        except Exception as error:  # the library raises nothing more exact
            raise UnsupportedVocabulary(
                f"{why.rstrip('.')}, and the library `tokenizers` does not read it: {error}."
            ) from error
        self._library.encode_special_tokens = True
        self._data = data
        self.name = name
        self.fingerprint = hashlib.sha256(data).hexdigest()

    @cached_property
    def specials(self) -> dict[str, int]:
        added = self._library.get_added_tokens_decoder().items()
        return {token.content: id for id, token in added if token.special}

    @property
    def bos(self) -> int | None:
        front, _ = self.around
        return front[0] if len(front) == 1 else None

    @property
    def end_ids(self) -> frozenset[int]:
        return frozenset()

    @cached_property
    def around(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The ids that the file's post-processor puts in front of a text and at its end."""
        text = "a"
        plain = self._library.encode(text, add_special_tokens=False).ids
        whole = self._library.encode(text, add_special_tokens=True).ids
        for start in range(len(whole) - len(plain) + 1):
            if whole[start : start + len(plain)] == plain:
                return tuple(whole[:start]), tuple(whole[start + len(plain) :])
        return (), ()

    def __len__(self) -> int:
        """How many ids there are."""
        return int(self._library.get_vocab_size())

    def ids(self, text: str, *, specials: bool = False) -> list[int]:
        """The ids of `encode`, without their pieces and offsets."""
        return list(self._encoded(text, specials).ids)

    def count(self, text: str, *, specials: bool = False) -> int:
        """How many those are."""
        return len(self._encoded(text, specials))

    def encode(self, text: str, *, specials: bool = False) -> Encoding:
        """Ids of `text`, nothing added in front; offsets as the library tells them."""
        encoded = self._encoded(text, specials)
        controls = frozenset(self.specials.values())
        return Encoding(
            text,
            ids=tuple(encoded.ids),
            pieces=tuple(map(self.piece, encoded.ids)),
            offsets=tuple(encoded.offsets),
            special=tuple(id in controls for id in encoded.ids),
            vocabulary=self.fingerprint,
        )

    def decode(self, ids: Sequence[int]) -> str:
        """The text of `ids`, as the file's decoder puts it together."""
        for id in ids:
            self.piece(id)
        return str(self._library.decode(list(ids), skip_special_tokens=False))

    def text(self, ids: Sequence[int]) -> str:
        """The same: the file's decoder knows of blanks put in front."""
        return self.decode(ids)

    @property
    def swallows(self) -> dict[str, Side]:
        return {}  # not told

    def lost(self, text: str) -> str:
        """Nothing: the library does not tell what it leaves out."""
        return ""

    def piece(self, id: int) -> bytes:
        """The bytes of one id; raises `TokenError` when it is outside the vocabulary."""
        try:
            spelling = self._library.id_to_token(id)
        except OverflowError:
            spelling = None
        if spelling is None:
            raise TokenError(
                f"There is no token {id}: the vocabulary {self.name} has {len(self):,} tokens."
            )
        if self._of_bytes and id not in self.specials.values():
            return bytes_of(spelling)
        return str(spelling).removeprefix("##").replace("▁", " ").encode()

    @cached_property
    def _of_bytes(self) -> bool:
        """Whether tokens are spelt in GPT-2's characters for bytes."""
        return '"ByteLevel"' in json.dumps(
            [self._file.get("pre_tokenizer"), self._file.get("decoder")]
        )

    def _encoded(self, text: str, specials: bool) -> Any:
        refuse_lone(text)
        library = self._finding if specials else self._library
        return library.encode(text, add_special_tokens=False)

    @cached_property
    def _finding(self) -> Any:
        """The library, finding special tokens in text."""
        return type(self._library).from_buffer(self._data)
