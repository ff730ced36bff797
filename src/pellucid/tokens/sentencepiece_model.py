"""Vocabularies of SentencePiece: its own `.model` files, and those inside GGUF files.

Read are byte-pair encodings with a token for every byte and no rewriting of the text, which is
what language models use. The format of the file is the message ModelProto of
https://github.com/google/sentencepiece/blob/master/src/sentencepiece_model.proto
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from ..errors import UnsupportedVocabulary
from .blanks import BLANK, SentencePiece
from .vocabulary import (
    END_SPELLINGS,
    LARGEST,
    Keys,
    Kind,
    Vocabulary,
    added_tokens,
    end_ids_of,
    kinds_of,
)

Field = tuple[int, int | bytes]
"""Number and value of a field of a protocol buffer message."""

# Fields of the messages, and the values that count where one is absent.
PIECE, TRAINER, NORMALIZER = 1, 2, 3
SPELLING, SCORE, TYPE = 1, 2, 3
MODEL_TYPE, BYTE_FALLBACK, WHITESPACE_LAST, BOS_ID, EOS_ID = 3, 35, 24, 41, 42
CHARACTER_MAP, ADD_PREFIX, REMOVE_EXTRA, ESCAPE = 2, 3, 4, 5
BPE = 2
KINDS = frozenset(map(int, Kind))


def from_model(data: bytes, *, name: str = "", add_bos: bool = True) -> Vocabulary:
    """The vocabulary in a SentencePiece `.model` file. Raises `UnsupportedVocabulary`."""
    spellings: list[str] = []
    scores: list[float] = []
    kinds = bytearray()
    trainer: dict[int, int | bytes] = {}
    normalizer: dict[int, int | bytes] = {}
    try:
        for number, value in _fields(data):
            if number == PIECE and isinstance(value, bytes):
                spelling, score, kind = _piece(value)
                spellings.append(spelling)
                scores.append(score)
                kinds.append(kind)
            elif number == TRAINER and isinstance(value, bytes):
                trainer.update(_fields(value))
            elif number == NORMALIZER and isinstance(value, bytes):
                normalizer.update(_fields(value))
    except (IndexError, ValueError, struct.error) as error:
        raise UnsupportedVocabulary(
            "It is not a SentencePiece model, nor of another format that is read here, or damaged."
        ) from error
    if not spellings or len(spellings) > LARGEST:
        raise UnsupportedVocabulary("It is not a SentencePiece model: it has no tokens.")
    if trainer.get(MODEL_TYPE, 1) != BPE:
        raise UnsupportedVocabulary("It is a SentencePiece model, but no byte-pair encoding.")
    if normalizer.get(CHARACTER_MAP) or normalizer.get(REMOVE_EXTRA, 1):
        raise UnsupportedVocabulary("It rewrites text before it encodes it.")
    if trainer.get(WHITESPACE_LAST) or not normalizer.get(ESCAPE, 1):
        raise UnsupportedVocabulary("Its words do not begin with their blanks.")
    prefix = bool(normalizer.get(ADD_PREFIX, 1))
    bos, eos = (trainer.get(key, default) for key, default in ((BOS_ID, 1), (EOS_ID, 2)))
    return _assembled(
        spellings,
        scores,
        kinds,
        prefix=prefix,
        bos=bos if add_bos and isinstance(bos, int) and bos < len(spellings) else None,
        ends={eos} if isinstance(eos, int) and eos < len(spellings) else set(),
        name=name,
    )


def from_gguf_keys(keys: Keys) -> Vocabulary:
    """The vocabulary of a GGUF file with `tokenizer.ggml.model` = "llama"."""
    spellings = keys.texts("tokens")
    ids = {spelling: id for id, spelling in enumerate(spellings)}
    bos = keys.id("bos_token_id", len(spellings))
    return _assembled(
        spellings,
        keys.measures("scores"),
        kinds_of(keys, spellings),
        prefix=keys.truth("add_space_prefix", True),
        bos=bos if keys.truth("add_bos_token", True) else None,
        ends=end_ids_of(keys, ids),
        name="sentencepiece",
    )


def pieces_of(spellings: Sequence[str], kinds: bytes | bytearray) -> tuple[bytes, ...]:
    """The bytes of tokens that are spelt as SentencePiece spells them.

    Raises `UnsupportedVocabulary` where a byte has no token, or a text two.
    """
    pieces = []
    for spelling, kind in zip(spellings, kinds, strict=True):
        if kind != Kind.BYTE:
            pieces.append(spelling.replace(BLANK, " ").encode())
        elif len(spelling) == 6 and spelling[:3] == "<0x":
            pieces.append(_byte(spelling))
        else:
            raise UnsupportedVocabulary(f"Its token {spelling!r} is no byte.")
    spelt = {kind: [p for p, k in zip(pieces, kinds, strict=True) if k == kind] for kind in Kind}
    if len(set(spelt[Kind.BYTE])) != 256:
        raise UnsupportedVocabulary("It has no token for some bytes.")
    if len(set(spelt[Kind.NORMAL])) != len(spelt[Kind.NORMAL]):
        raise UnsupportedVocabulary("Two of its tokens are the same text.")
    return tuple(pieces)


def steps_of(pieces: Sequence[bytes], results: Sequence[int]) -> str:
    """The steps of `pretokenize.STEPS`: words apart, unless some token holds the end of one."""
    inside = (pieces[id].lstrip(b" ") for id in results)
    return "sentencepiece-whole" if any(b" " in piece for piece in inside) else "sentencepiece"


def _assembled(
    spellings: Sequence[str],
    scores: Sequence[float],
    kinds: bytearray,
    *,
    prefix: bool,
    bos: int | None,
    ends: set[int] | frozenset[int],
    name: str,
) -> Vocabulary:
    if len(scores) != len(spellings):
        raise UnsupportedVocabulary(f"It has {len(spellings):,} tokens but {len(scores):,} scores.")
    ids = {spelling: id for id, spelling in enumerate(spellings) if kinds[id] == Kind.NORMAL}
    merges = _by_score(ids, scores)
    words = {merge.result for merge in merges}
    for spelling in END_SPELLINGS & ids.keys():
        if ids[spelling] not in words:  # no merge makes it
            kinds[ids[spelling]] = Kind.CONTROL
    if any(k == Kind.UNUSED and len(s) > 1 for s, k in zip(spellings, kinds, strict=True)):
        raise UnsupportedVocabulary("It has tokens that are only steps on the way to others.")
    controls, blanks = added_tokens([s.replace(BLANK, " ") for s in spellings], kinds)
    if blanks and prefix:
        raise UnsupportedVocabulary("It puts blanks in front of text, and has tokens of blanks.")
    taken = set(controls.values())
    merges = [merge for merge in merges if merge.result not in taken]
    results = tuple(merge.result for merge in merges)
    pieces = pieces_of(spellings, kinds)
    return Vocabulary(
        pretokenizer=steps_of(pieces, results),
        nfc=False,
        ignore_merges=False,
        pieces=pieces,
        kinds=bytes(kinds),
        merges=tuple(merge.pair for merge in merges),
        results=results,
        merge_ranks=tuple(merge.rank for merge in merges),
        controls=controls,
        blanks=blanks,
        bos=bos,
        end_ids=frozenset(ends),
        name=name,
        sentencepiece=SentencePiece("always" if prefix else "never"),
    )


class _Merge(NamedTuple):
    rank: int
    pair: tuple[int, int]
    result: int


def _by_score(ids: Mapping[str, int], scores: Sequence[float]) -> list[_Merge]:
    """Every pair of tokens that is spelt as a third. Equal scores are equal ranks."""
    longer = {text: id for text, id in ids.items() if len(text) > 1}
    ranked = sorted({scores[id] for id in longer.values()}, reverse=True)
    ranks = {score: rank for rank, score in enumerate(ranked)}
    return [
        _Merge(ranks[scores[id]], (left, right), id)
        for text, id in longer.items()
        for cut in range(1, len(text))
        if (left := ids.get(text[:cut])) is not None and (right := ids.get(text[cut:])) is not None
    ]


def _byte(spelling: str) -> bytes:
    try:
        return bytes.fromhex(spelling[3:5])
    except ValueError:
        raise UnsupportedVocabulary(f"Its token {spelling!r} is no byte.") from None


def _piece(data: bytes) -> tuple[str, float, int]:
    fields = dict(_fields(data))
    spelling, score, kind = fields.get(SPELLING, b""), fields.get(SCORE, b""), fields.get(TYPE, 1)
    if not isinstance(spelling, bytes) or not isinstance(score, bytes) or kind not in KINDS:
        raise ValueError("not a piece")
    return spelling.decode(), struct.unpack("<f", score)[0] if score else 0.0, int(kind)


def _fields(data: bytes) -> Iterator[Field]:
    """The fields of a message: numbers as `int`, all else as `bytes`.

    https://protobuf.dev/programming-guides/encoding/
    """
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        wire = tag & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield tag >> 3, value
            continue
        if wire == 2:
            length, at = _varint(data, at)
        elif wire in (1, 5):
            length = 8 if wire == 1 else 4
        else:
            raise ValueError("no such type of field")
        if length > len(data) - at:
            raise ValueError("a field reaches beyond the end")
        yield tag >> 3, data[at : at + length]
        at += length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """The number at `at`, seven bits a byte, and the place after it."""
    value = shift = 0
    while shift < 64:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise ValueError("a number without end")
