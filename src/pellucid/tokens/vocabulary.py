"""The vocabulary a GGUF file carries, as a value.

Byte-level BPE is read here (`tokenizer.ggml.model` = "gpt2"), with the pre-tokenizers of
`pretokenize.STEPS`; SentencePiece's ("llama") in `sentencepiece_model`. Key names:
https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence, Sized
from dataclasses import asdict, field
from enum import IntEnum

from ..errors import UnsupportedVocabulary
from ..value import value
from . import pretokenize
from .blanks import SentencePiece, Side

LARGEST = 1 << 22
"""More tokens than any published vocabulary has; a file that claims more is refused."""

# Spellings that llama.cpp takes for the end of a generation, whatever the file calls them.
# https://github.com/ggml-org/llama.cpp/blob/master/src/llama-vocab.cpp (special_eog_ids)
END_SPELLINGS = {
    *("<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<|flush|>", "<|calls|>"),
    *("<end_of_turn>", "<|endoftext|>", "</s>", "<|eom_id|>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]"),
    *("<|end_of_text|>", "<end_of_utterance>", "<eos>", "<turn|>", "<|tool_response>", "[e~["),
    "<｜end▁of▁sentence｜>",
    # Of fill-in-the-middle: padding, repository and file separators.
    *("<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]", "<|fim_repo|>", "<|repo_name|>"),
    *("<fim-repo>", "<REPO>", "<reponame>", "<|file_sep|>"),
}
END_KEYS = (
    "eos_token_id",
    "eot_token_id",
    "eom_token_id",
    "fim_pad_token_id",
    "fim_rep_token_id",
    "fim_sep_token_id",
)


Merges = tuple[tuple[tuple[int, int], ...], tuple[int, ...]]
"""Pairs of ids by rank, and the ids they become."""


class Kind(IntEnum):
    """What a token is; the numbers are those of `tokenizer.ggml.token_type`."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5
    BYTE = 6


@value
class Vocabulary:
    """Everything that decides which ids a text becomes.

    `pieces[id]` are the bytes of a token and `kinds[id]` what it is. `merges[r]` is the pair of
    ids merged at rank r, `results[r]` the id it becomes; where `merge_ranks` are given, those are
    the ranks. `controls` are the tokens that never
    come from content (control tokens, and added ones such as <tool_call>), `blanks` the added ones
    of white space alone, which do; both by spelling. `swallows` are those of either which take the
    white space beside them with them.

    With `ranks` there are no merges: neighbours merge where their bytes together are a token, the
    one of the lowest id first (tiktoken's files). `name` is for people.
    """

    pretokenizer: str
    nfc: bool
    ignore_merges: bool
    pieces: tuple[bytes, ...]
    kinds: bytes
    merges: tuple[tuple[int, int], ...]
    results: tuple[int, ...]
    controls: Mapping[str, int]
    blanks: Mapping[str, int]
    bos: int | None
    end_ids: frozenset[int]
    name: str = ""
    ranks: bool = False
    merge_ranks: tuple[int, ...] = ()
    sentencepiece: SentencePiece | None = None
    swallows: Mapping[str, Side] = field(default_factory=dict)

    def fingerprint(self) -> str:
        """sha256 of all of it, in hex: equal for equal vocabularies."""
        rest = [
            self.pretokenizer,
            self.nfc,
            self.ignore_merges,
            sorted(self.controls.items()),
            sorted(self.blanks.items()),
            self.bos,
            sorted(self.end_ids),
            self.merges,
            [len(piece) for piece in self.pieces],
            self.ranks,
            self.merge_ranks,
            asdict(self.sentencepiece) if self.sentencepiece else None,
            sorted(self.swallows.items()),
        ]
        digest = hashlib.sha256(json.dumps(rest, separators=(",", ":")).encode())
        digest.update(self.kinds)
        digest.update(b"".join(self.pieces))
        return digest.hexdigest()


def from_gguf(metadata: Mapping[str, object]) -> Vocabulary:
    """The vocabulary in a GGUF file's metadata.

    The strings of `tokenizer.ggml.tokens` and `.merges` may be `str` or `bytes`. Raises
    `UnsupportedVocabulary` with a sentence that says what about it cannot be read here.
    """
    keys = Keys(metadata)
    model = keys.text("model", "missing")
    if model == "llama":
        from .sentencepiece_model import from_gguf_keys

        return from_gguf_keys(keys)
    if model != "gpt2":
        raise UnsupportedVocabulary(f"Its vocabulary is of the kind {model!r}, not byte-level BPE.")
    name = keys.text("pre", "missing")
    steps = pretokenize.STEPS.get(name)
    if steps is None:
        raise UnsupportedVocabulary(f"Its pre-tokenizer {name!r} is not one that is known here.")
    spellings = keys.texts("tokens")
    ids = {spelling: id for id, spelling in enumerate(spellings)}
    if len(ids) != len(spellings):
        raise UnsupportedVocabulary("Its vocabulary has the same token twice.")
    merges, results = _merges(keys.texts("merges"), ids)
    kinds = kinds_of(keys, ids)
    for id in {ids[spelling] for spelling in END_SPELLINGS & ids.keys()}.difference(results):
        # No merge makes it, so it is no word: some converters lose the kind of these. (In Qwen's
        # vocabulary </s> is a word, which nevertheless ends a generation in llama.cpp.)
        kinds[id] = Kind.CONTROL
    controls, blanks = added_tokens(spellings, kinds)
    merges, results = without(frozenset(controls.values()), merges, results)
    pieces = tuple(
        bytes_of(spelling) if kind == Kind.NORMAL else spelling.encode()
        for spelling, kind in zip(spellings, kinds, strict=True)
    )
    for (left, right), result in zip(merges, results, strict=True):
        if pieces[left] + pieces[right] != pieces[result]:
            raise UnsupportedVocabulary(f"Its token {result} is not what its merge spells.")
    bos = keys.id("bos_token_id", len(spellings))
    return Vocabulary(
        pretokenizer=name,
        nfc=steps.nfc,
        ignore_merges=steps.ignore_merges,
        pieces=pieces,
        kinds=bytes(kinds),
        merges=merges,
        results=results,
        controls=controls,
        blanks=blanks,
        bos=bos if keys.truth("add_bos_token", steps.add_bos) else None,
        end_ids=end_ids_of(keys, ids),
    )


class Keys:
    """The `tokenizer.ggml.*` keys, each checked to be what it should be."""

    def __init__(self, metadata: Mapping[str, object]) -> None:
        self._metadata = metadata

    def _get(self, key: str) -> object:
        return self._metadata.get(f"tokenizer.ggml.{key}")

    def text(self, key: str, default: str) -> str:
        value = self._get(key)
        return default if value is None else _text(value, f"Its {key}")

    def texts(self, key: str) -> list[str]:
        value = self._get(key)
        if not isinstance(value, Sequence) or isinstance(value, str | bytes):
            raise UnsupportedVocabulary(f"It has no list of {key}.")
        if len(value) > LARGEST:
            raise UnsupportedVocabulary(f"Its list of {key} has {len(value):,} entries: too many.")
        entry = f"An entry of its {key}"
        return [_text(item, entry) for item in value]

    def numbers(self, key: str) -> list[int] | None:
        value = self._get(key)
        if value is None:
            return None
        if not isinstance(value, Sequence) or not all(isinstance(item, int) for item in value):
            raise UnsupportedVocabulary(f"Its list of {key} is not a list of numbers.")
        return list(value)

    def measures(self, key: str) -> list[float]:
        value = self._get(key)
        if not isinstance(value, Sequence) or not all(isinstance(item, float) for item in value):
            raise UnsupportedVocabulary(f"Its list of {key} is not a list of numbers.")
        return list(value)

    def truth(self, key: str, default: bool) -> bool:
        value = self._get(key)
        return value if isinstance(value, bool) else default

    def id(self, key: str, size: int) -> int | None:
        """The id under a key; ids outside the vocabulary are no ids, as in llama.cpp."""
        value = self._get(key)
        return value if isinstance(value, int) and 0 <= value < size else None


def _text(value: object, what: str) -> str:
    try:
        if isinstance(value, str):
            value.encode()  # a lone surrogate here would fail far from its cause
            return value
        if isinstance(value, bytes):
            return value.decode()
    except UnicodeError as error:
        raise UnsupportedVocabulary(f"{what} is not UTF-8.") from error
    raise UnsupportedVocabulary(f"{what} is {type(value).__name__}, not text.")


def kinds_of(keys: Keys, tokens: Sized) -> bytearray:
    given = keys.numbers("token_type")
    if given is None:
        given = [int(Kind.NORMAL)] * len(tokens)
    if len(given) != len(tokens):
        raise UnsupportedVocabulary(
            f"It has {len(tokens):,} tokens but {len(given):,} token types."
        )
    known = {int(kind) for kind in Kind}
    return bytearray(kind if kind in known else Kind.UNUSED for kind in given)


def _merges(lines: list[str], ids: Mapping[str, int]) -> Merges:
    merges, results = [], []
    for rank, line in enumerate(lines):
        left, _, right = line.partition(" ")
        try:
            merges.append((ids[left], ids[right]))
            results.append(ids[left + right])
        except KeyError as error:
            raise UnsupportedVocabulary(
                f"Its merge {rank} ({line!r}) needs a token that the vocabulary lacks."
            ) from error
    return tuple(merges), tuple(results)


def without(
    controls: frozenset[int], merges: Sequence[tuple[int, int]], results: Sequence[int]
) -> Merges:
    """The merges that make no control token: content must not become one by that way either."""
    if controls.isdisjoint(results):
        return tuple(merges), tuple(results)
    kept = [rank for rank, result in enumerate(results) if result not in controls]
    return tuple(merges[rank] for rank in kept), tuple(results[rank] for rank in kept)


def added_tokens(
    spellings: Sequence[str], kinds: bytes | bytearray
) -> tuple[dict[str, int], dict[str, int]]:
    controls: dict[str, int] = {}
    blanks: dict[str, int] = {}
    for id, (spelling, kind) in enumerate(zip(spellings, kinds, strict=True)):
        if not spelling:
            continue
        if kind == Kind.USER_DEFINED and spelling.isspace():
            blanks[spelling] = id
        elif kind in (Kind.CONTROL, Kind.UNKNOWN, Kind.USER_DEFINED):
            controls[spelling] = id
    return controls, blanks


def end_ids_of(keys: Keys, ids: Mapping[str, int]) -> frozenset[int]:
    ends = {ids[spelling] for spelling in END_SPELLINGS & ids.keys()}
    ends |= {id for key in END_KEYS if (id := keys.id(key, len(ids))) is not None}
    # Where calls have ends of their own, <|end|> closes a message but not the reply (gpt-oss).
    if {"<|return|>", "<|call|>"} <= ids.keys() or {"<|calls|>", "<|flush|>"} <= ids.keys():
        ends.discard(ids.get("<|end|>", -1))
    if "<|tool_response>" in ids:  # Gemma 4 and PaddleOCR
        ends.discard(ids.get("</s>", -1))
    return frozenset(ends)


def _alphabet() -> dict[int, int]:
    """GPT-2's characters for bytes: printable ones stand for themselves, the rest follow 255.

    As a table for `str.translate` into Latin-1; Latin-1 that is not in the alphabet goes out of
    Latin-1. https://github.com/openai/gpt-2/blob/master/src/encoder.py (bytes_to_unicode)
    """
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = [byte for byte in range(256) if byte not in printable]
    return dict.fromkeys(others, 0xFFFF) | {256 + i: byte for i, byte in enumerate(others)}


_BYTE_OF = _alphabet()
_CHARACTER_OF = {byte: character for character, byte in _BYTE_OF.items() if byte != 0xFFFF}


def bytes_of(spelling: str) -> bytes:
    """The bytes of a normal token, from its spelling in GPT-2's characters."""
    try:
        return spelling.translate(_BYTE_OF).encode("latin-1")
    except UnicodeEncodeError:
        # Spelt outside that alphabet, so no merge reaches it; its text is all there is.
        return spelling.encode()


def spelling_of(piece: bytes) -> str:
    """The inverse: the spelling of a normal token in GPT-2's characters."""
    return piece.decode("latin-1").translate(_CHARACTER_OF)
