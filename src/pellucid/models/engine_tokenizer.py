"""The engine's own tokenizer, for model files whose vocabulary `tokens/` cannot read.

Ids come from llama.cpp's server; what the tokens are is read from the file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from pathlib import Path

from ..engine import client, gguf
from ..errors import EngineRefused, TokenError
from ..tokens.blanks import Side
from ..tokens.encoding import Encoding
from ..tokens.splits import splits
from ..tokens.surrogates import refuse_lone
from ..tokens.vocabulary import Keys, Kind, added_tokens, bytes_of, end_ids_of, kinds_of
from ..value import value

Token = tuple[int, bytes]
"""An id, and the bytes of the text that the engine says it stands for there."""


class EngineTokenizer:
    """A `Splitter` over the vocabulary of the GGUF file at `path`, called `name`.

    `address` gives the engine that has this file open, started if need be. Raises `BadModelFile`
    when the file cannot be read, `UnsupportedVocabulary` when it has no list of tokens.
    """

    def __init__(self, address: Callable[[], client.Address], path: Path, name: str) -> None:
        self._address = address
        self._tokens = _Tokens.of(gguf.read(path).metadata)
        self._forbidden = self._tokens.forbidden
        self._normal: dict[bytes, int] | None = None
        self.name = name

    @property
    def fingerprint(self) -> str:
        return self._tokens.fingerprint

    @property
    def specials(self) -> dict[str, int]:
        return self._tokens.controls

    @property
    def bos(self) -> int | None:
        return self._tokens.bos

    @property
    def end_ids(self) -> frozenset[int]:
        return self._tokens.end_ids

    def __len__(self) -> int:
        """How many ids there are."""
        return len(self._tokens.pieces)

    def ids(self, text: str, *, specials: bool = False) -> list[int]:
        """The ids of `encode`, without their pieces and offsets."""
        refuse_lone(text)
        tokens = self._ask(text, specials=True) if specials else self._ordinary(text)
        return [id for id, _ in tokens]

    def count(self, text: str, *, specials: bool = False) -> int:
        """How many those are."""
        return len(self.ids(text, specials=specials))

    def encode(self, text: str, *, specials: bool = False) -> Encoding:
        """Ids of `text`, nothing added in front.

        Offsets are inferred where the tokens do not spell the text byte for byte. Raises
        `TokenError` with the position of a lone surrogate, and `EngineError`s.
        """
        refuse_lone(text)
        tokens = self._ask(text, specials=True) if specials else list(self._ordinary(text))
        controls = frozenset(self.specials.values())
        return Encoding(
            text,
            ids=tuple(id for id, _ in tokens),
            pieces=tuple(self.piece(id) for id, _ in tokens),
            offsets=tuple(_offsets(text, [piece for _, piece in tokens])),
            special=tuple(id in controls for id, _ in tokens),
            vocabulary=self.fingerprint,
        )

    def decode(self, ids: Sequence[int]) -> str:
        return b"".join(map(self.piece, ids)).decode("utf-8", "replace")

    def text(self, ids: Sequence[int]) -> str:
        """The same: what the engine puts in front of a text is not known here."""
        return self.decode(ids)

    @property
    def swallows(self) -> dict[str, Side]:
        return {}  # not told

    def lost(self, text: str) -> str:
        """Nothing: the engine does not tell what it leaves out."""
        return ""

    def piece(self, id: int) -> bytes:
        """The bytes of one id; raises `TokenError` when it is outside the vocabulary."""
        pieces = self._tokens.pieces
        if not 0 <= id < len(pieces):
            raise TokenError(
                f"There is no token {id}: the vocabulary of {self.name} has {len(pieces):,} "
                "tokens, numbered from 0."
            )
        return pieces[id]

    def find(self, piece: bytes) -> int | None:
        """The token with these bytes that text can become."""
        if self._normal is None:
            named = zip(self._tokens.pieces, self._tokens.kinds, strict=True)
            self._normal = {
                piece: id
                for id, (piece, kind) in enumerate(named)
                if kind in (Kind.NORMAL, Kind.BYTE)
            }
        return self._normal.get(piece)

    def splits(self, data: bytes, count: int, last: int) -> list[tuple[int, ...]]:
        """Every way to write `data` as `count` tokens, the last of them `last`, such that no
        token before it completes a character: see `tokens.splits`."""
        return splits(self, data, count, last)

    def _ordinary(self, text: str) -> Iterator[Token]:
        """The tokens of text in which nothing is special.

        llama.cpp takes added tokens that are not control tokens from any text. Where it found one
        here, the text is cut inside its spelling, and each part asked for on its own.
        """
        tokens = self._ask(text, specials=False)
        places = zip(tokens, _offsets(text, [piece for _, piece in tokens]), strict=True)
        found = {start + 1 for (id, _), (start, _) in places if id in self._forbidden}
        cuts = sorted(found - {len(text)})
        if not cuts:
            yield from tokens
            return
        for start, end in pairwise([0, *cuts, len(text)]):
            yield from self._ordinary(text[start:end])

    def _ask(self, text: str, *, specials: bool) -> list[Token]:
        if not text:
            return []
        body = {
            "content": text,
            "add_special": False,
            "parse_special": specials,
            "with_pieces": True,
        }
        answer = client.call(self._address(), "/tokenize", body)
        try:
            return [(int(token["id"]), _bytes(token["piece"])) for token in answer["tokens"]]
        except (KeyError, TypeError, ValueError) as error:
            raise EngineRefused("The engine's answer holds no tokens.") from error


def _bytes(piece: str | list[int]) -> bytes:
    """A piece as the engine writes it: a list of bytes where they are not UTF-8."""
    return piece.encode() if isinstance(piece, str) else bytes(piece)


@value
class _Tokens:
    """What the file says of its tokens. `forbidden` are the ids that content never becomes."""

    pieces: tuple[bytes, ...]
    kinds: bytes
    controls: dict[str, int]
    forbidden: frozenset[int]
    bos: int | None
    end_ids: frozenset[int]
    fingerprint: str

    @classmethod
    def of(cls, metadata: Mapping[str, object]) -> _Tokens:
        keys = Keys(metadata)
        spellings = keys.texts("tokens")
        ids = {spelling: id for id, spelling in enumerate(spellings)}
        kinds = bytes(kinds_of(keys, spellings))
        controls, _ = added_tokens(spellings, kinds)
        spell = bytes_of if keys.text("model", "") == "gpt2" else _with_blanks
        named = [
            metadata.get(f"tokenizer.ggml.{key}")
            for key in ("model", "pre", "tokens", "token_type", "merges", "scores")
        ]
        bos = keys.id("bos_token_id", len(spellings))
        return cls(
            pieces=tuple(
                _piece(spelling, kind, spell)
                for spelling, kind in zip(spellings, kinds, strict=True)
            ),
            kinds=kinds,
            controls=controls,
            # What stands for the unknown, or for one character, is no command.
            forbidden=frozenset(
                id
                for spelling, id in controls.items()
                if kinds[id] != Kind.UNKNOWN and len(spelling) > 1
            ),
            bos=bos if keys.truth("add_bos_token", False) else None,
            end_ids=end_ids_of(keys, ids),
            fingerprint=hashlib.sha256(repr(named).encode()).hexdigest(),
        )


def _with_blanks(spelling: str) -> bytes:
    return spelling.replace("▁", " ").encode()


def _piece(spelling: str, kind: int, spell: Callable[[str], bytes]) -> bytes:
    if kind == Kind.NORMAL:
        return spell(spelling)
    if kind == Kind.BYTE and len(spelling) == 6:  # <0x0A>
        return bytes.fromhex(spelling[3:5])
    return spelling.encode()


REACH = 64
"""Bytes of text that a token may have been preceded by and that no token spells."""


def _offsets(text: str, pieces: Sequence[bytes]) -> Iterator[tuple[int, int]]:
    """The characters that each piece covers; one inside a character covers the whole of it.

    Each piece is looked for where the last one ended; one that is not found there (a blank put in
    front, a letter made small) covers nothing.
    """
    data = text.encode()
    characters = list(accumulate((byte & 0xC0 != 0x80 for byte in data), initial=0))
    done = 0
    for piece in pieces:
        for sought in (piece, piece.lstrip()):
            start = data.find(sought, done, done + len(sought) + REACH) if sought else -1
            if start >= 0:
                done = start + len(sought)
                yield characters[start + 1] - 1, characters[done]
                break
        else:
            yield characters[done], characters[done]
