"""Text to token ids and back, by the vocabulary inside a model file.

compiled.build(vocabulary.from_gguf(metadata), path)   # once for a model: about a second
tokenizer = BpeTokenizer.open(path)                    # from then on: a few milliseconds
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import regex

from . import bpe, compiled, normalize, offsets
from .blanks import Side
from .encoding import Encoding
from .pretokenize import Pretokenizer
from .splits import splits
from .surrogates import refuse_lone
from .unicode_age import settled, uncertain

if TYPE_CHECKING:
    from numpy import uint32
    from numpy.typing import NDArray

    from .fast import FastBpe
    from .native import NativeTexts

KEPT = 20_000
LONGEST_KEPT = 64
"""What is remembered between texts: so many pieces, of at most so many characters."""
NATIVE_FROM = 64_000
"""Characters of pieces not met before, in one text, from which making the compiled engine pays."""
SMALL = 1 << 12
"""Characters around one that the engines may not know, about, which are encoded here."""
TEXTS_FROM = 1 << 18
FAST_FROM = 1 << 22
"""Characters encoded in all from which making the compiled engine for whole texts pays, and from
which making the one for bulk work pays."""


class BpeTokenizer:
    """Byte-level BPE over a built vocabulary; a `Tokenizer`."""

    def __init__(self, vocabulary: compiled.Compiled) -> None:
        self._vocabulary = vocabulary
        self._pretokenizer = Pretokenizer(vocabulary.pretokenizer)
        self._kept: dict[str, Sequence[int]] = {}
        self._pieces: dict[int, bytes] = {}
        self._read = 0
        # A vocabulary may lack bytes: control characters, unused planes.
        self._lacks = bytes(byte for byte, id in enumerate(vocabulary.byte_ids) if id is None)

    @classmethod
    def open(cls, path: Path) -> BpeTokenizer:
        """The tokenizer of a built vocabulary. Raises `BrokenVocabulary`: build it again."""
        return cls(compiled.open_(path))

    @property
    def vocabulary(self) -> compiled.Compiled:
        """The vocabulary it encodes by."""
        return self._vocabulary

    @property
    def name(self) -> str:
        return self._vocabulary.name

    @property
    def fingerprint(self) -> str:
        return self._vocabulary.fingerprint

    @property
    def specials(self) -> dict[str, int]:
        return self._vocabulary.controls

    @property
    def swallows(self) -> Mapping[str, Side]:
        return self._vocabulary.swallows

    @property
    def bos(self) -> int | None:
        return self._vocabulary.bos

    @property
    def end_ids(self) -> frozenset[int]:
        return self._vocabulary.end_ids

    def __len__(self) -> int:
        """How many ids there are."""
        return len(self._vocabulary)

    def ids(self, text: str, *, specials: bool = False) -> list[int]:
        """The ids of `encode`, without their pieces and offsets."""
        if self._is_plain(text, specials):
            fast = self._made(text)
            return self._ordinary(text, 0) if fast is None else fast.encode(text).tolist()
        ids: list[int] = []
        for start, end, added in self._stretches(text, specials):
            ids += [added] if added is not None else self._ordinary(text[start:end], start)
        return ids

    def count(self, text: str, *, specials: bool = False) -> int:
        """How many ids `encode` gives, without making them where that can be avoided."""
        if self._is_plain(text, specials):
            fast = self._made(text)
            return self._size(text, 0) if fast is None else len(fast.encode(text))
        total = 0
        for start, end, added in self._stretches(text, specials):
            total += 1 if added is not None else self._size(text[start:end], start)
        return total

    def encode(self, text: str, *, specials: bool = False) -> Encoding:
        """Ids of `text`, nothing added in front.

        Offsets are in characters of `text` as given, also where the vocabulary's authors
        normalise it first. A character that no token covers is one this vocabulary has no bytes
        for: as in its authors' tokenizer, it is left out. Raises `TokenError` with the position
        of a lone surrogate.
        """
        ids: list[int] = []
        ranges: list[tuple[int, int]] = []
        special: list[bool] = []
        controls = self._control_ids
        for start, end, added in self._stretches(text, specials):
            if added is not None:
                ids.append(added)
                ranges.append((start, end))
                special.append(added in controls)
            else:
                part = self._ordinary(text[start:end], start)
                ids += part
                ranges += self._offsets(part, text[start:end], start)
                special += [False] * len(part)
        return Encoding(
            text,
            ids=tuple(ids),
            pieces=self._spelled(ids),
            offsets=tuple(ranges),
            special=tuple(special),
            vocabulary=self.fingerprint,
        )

    def _spelled(self, ids: list[int]) -> tuple[bytes, ...]:
        """The bytes of each."""
        known = self._pieces
        try:
            return tuple(map(known.__getitem__, ids))
        except KeyError:
            known.update((id, self._vocabulary.piece(id)) for id in set(ids).difference(known))
            return tuple(map(known.__getitem__, ids))

    def decode(self, ids: Sequence[int]) -> str:
        """The text of `ids`, control tokens spelt out; bytes that are not UTF-8 become U+FFFD."""
        return b"".join(map(self._vocabulary.piece, ids)).decode("utf-8", "replace")

    def text(self, ids: Sequence[int]) -> str:
        """The text that `ids` were encoded from."""
        return self.decode(ids)

    def piece(self, id: int) -> bytes:
        """The bytes of one id; raises `TokenError` when it is outside the vocabulary."""
        return self._vocabulary.piece(id)

    def cut(self, text: str) -> Iterator[tuple[str, int | None]]:
        """The pieces that the pre-tokenizer makes of `text`, as it sees them: normalised, blanks
        put in front. Added tokens come with their id."""
        for start, end, added in self._stretches(text, False):
            if added is not None:
                yield text[start:end], added
            else:
                prepared = self._prepared(text[start:end], start)
                yield from ((piece, None) for piece in self._pretokenizer.split(prepared))

    def splits(self, data: bytes, count: int, last: int) -> list[tuple[int, ...]]:
        """Every way to write `data` as `count` tokens, the last of them `last`, such that no
        token before it completes a character: see `splits.splits`."""
        return splits(self._vocabulary, data, count, last)

    def _is_plain(self, text: str, specials: bool) -> bool:
        """Whether there is certainly nothing in `text` to look for, to change or to refuse."""
        added = self._controls_and_blanks if specials else self._blanks
        return text != "" and settled(text) and (added is None or added.search(text) is None)

    def _stretches(self, text: str, specials: bool) -> Iterator[tuple[int, int, int | None]]:
        """`text` as stretches (start, end): added tokens with their id, the rest with `None`."""
        refuse_lone(text)
        added = self._controls_and_blanks if specials else self._blanks
        done = 0
        if added is not None:
            known = self._vocabulary.controls | self._vocabulary.blanks
            for match in added.finditer(text):
                start, end = match.span()
                if done < start:
                    yield done, start, None
                yield start, end, known[match[match.lastgroup or 0]]
                done = end
        if done < len(text):
            yield done, len(text), None

    @cached_property
    def _controls_and_blanks(self) -> regex.Pattern[str] | re.Pattern[str] | None:
        return self._any_of([*self._vocabulary.controls, *self._vocabulary.blanks])

    @cached_property
    def _blanks(self) -> regex.Pattern[str] | re.Pattern[str] | None:
        return self._any_of([*self._vocabulary.blanks])

    def _any_of(self, spellings: list[str]) -> regex.Pattern[str] | re.Pattern[str] | None:
        """Finds the leftmost of some spellings, the longest of those that begin there."""
        if not spellings:
            return None
        if not self._vocabulary.swallows:  # `re` looks for what they have in common: much faster
            ordered = sorted(spellings, key=len, reverse=True)
            return re.compile("|".join(map(re.escape, ordered)))
        swallows = self._vocabulary.swallows
        ways = []
        for spelling in sorted(spellings, key=len, reverse=True):
            side, exactly = swallows.get(spelling), regex.escape(spelling)
            left = r"\s*" if side in ("left", "both") else ""
            right = r"\s*" if side in ("right", "both") else ""
            ways.append(f"{left}(?P<swallowing>{exactly}){right}" if side else exactly)
        return regex.compile("|".join(ways))

    @cached_property
    def _control_ids(self) -> frozenset[int]:
        return frozenset(self._vocabulary.controls.values())

    def _prepared(self, text: str, start: int) -> str:
        """What is cut into pieces, for a stretch that begins at character `start`."""
        return normalize.nfc(text) if self._vocabulary.nfc else text

    def _ordinary(self, text: str, start: int) -> list[int]:
        """The ids of a stretch in which nothing is special."""
        found = [
            part if isinstance(part, list) else part.tolist() for part in self._parts(text, start)
        ]
        return found[0] if len(found) == 1 else list(chain.from_iterable(found))

    def _size(self, text: str, start: int) -> int:
        """How many ids such a stretch has."""
        return sum(map(len, self._parts(text, start)))

    def _parts(self, text: str, start: int) -> Iterator[list[int] | NDArray[uint32]]:
        """The ids of such a stretch, in parts."""
        text = self._prepared(text, start)
        self._read += len(text)
        engine = self._engine()
        if engine is None:
            yield self._by_pieces(text)
            return
        from .fast import parts

        for part in parts(text, engine.PART):
            if len(part) <= engine.LONGEST and not uncertain(part):
                yield engine.encode(part)
                continue
            for small in parts(part, SMALL):  # so that little is left to us
                ours = len(small) > engine.LONGEST or uncertain(small)
                yield self._by_pieces(small) if ours else engine.encode(small)

    def _engine(self) -> FastBpe | NativeTexts | None:
        """What is best used to encode texts, after what was read so far."""
        if self._read >= FAST_FROM and self._fast is not None:
            return self._fast
        return self._texts if self._read >= TEXTS_FROM else None

    def _made(self, text: str) -> FastBpe | None:
        """The engine for bulk work, where it is made already and takes this text in one piece."""
        fast: FastBpe | None = vars(self).get("_fast") if self._read >= FAST_FROM else None
        return fast if fast is not None and len(text) < fast.PART else None

    @cached_property
    def _fast(self) -> FastBpe | None:
        from .fast import FastBpe

        fast = FastBpe.of(self._vocabulary)
        if fast is not None:  # the others give their memory back
            vars(self).pop("_texts", None)
            vars(self).pop("_native", None)
        return fast

    @cached_property
    def _texts(self) -> NativeTexts | None:
        from .native import NativeTexts

        return NativeTexts(self._vocabulary) if NativeTexts.serves(self._vocabulary) else None

    def expect(self, characters: int) -> None:
        """Make now what speeds up so much text: processes that are forked then share it."""
        self._read += characters
        self._engine()

    def _by_pieces(self, text: str) -> list[int]:
        """The ids of prepared text, as the pre-tokenizer cuts it."""
        pieces = self._pretokenizer.split(text)
        kept = self._kept
        distinct = dict.fromkeys(pieces)
        found = {piece: ids for piece in distinct if (ids := kept.get(piece)) is not None}
        new = [piece for piece in distinct if piece not in found]
        encode = self._encoder(new)
        found |= {piece: encode(piece) for piece in new}
        if len(kept) + len(new) > KEPT:
            kept.clear()
        kept.update((piece, found[piece]) for piece in new[:KEPT] if len(piece) <= LONGEST_KEPT)
        return list(chain.from_iterable(map(found.__getitem__, pieces)))

    def _encoder(self, new: list[str]) -> Callable[[str], Sequence[int]]:
        """What is best used to encode these pieces."""
        if not self._vocabulary.ranked or sum(map(len, new)) < NATIVE_FROM:
            return self._merge
        if any(self._loses(piece) for piece in new):
            return self._merge
        return self._native

    @cached_property
    def _native(self) -> Callable[[str], Sequence[int]]:
        from .native import NativeBpe

        return NativeBpe(self._vocabulary, vars(self).get("_fast")).encode

    def _merge(self, piece: str) -> Sequence[int]:
        """The ids of one piece."""
        vocabulary = self._vocabulary
        data = piece.encode()
        if vocabulary.ranked or vocabulary.ignore_merges:
            whole = vocabulary.find(data)
            if whole is not None:
                return (whole,)
        atoms = [id for byte in data if (id := vocabulary.byte_ids[byte]) is not None]
        return tuple(bpe.merge(atoms, vocabulary.pair))

    def lost(self, text: str) -> str:
        """The characters of `text` that this vocabulary lacks bytes for, once each, in order: they
        do not come back when its ids are decoded."""
        if not self._lacks or not self._loses(text):
            return ""
        return "".join(character for character in dict.fromkeys(text) if self._loses(character))

    def _loses(self, text: str) -> bool:
        """Whether `text` has bytes that are not in the vocabulary."""
        if not self._lacks:
            return False
        data = text.encode()
        return len(data) != len(data.translate(None, self._lacks))

    def _offsets(self, ids: list[int], text: str, start: int) -> Iterator[tuple[int, int]]:
        """The characters that the ids of `text` cover, counted from `start`."""
        if self._loses(text) or (self._vocabulary.nfc and normalize.nfc(text) != text):
            return offsets.traced(self._vocabulary, ids, text, start)
        return offsets.counted(self._vocabulary, ids, start)
