"""Vocabularies in Hugging Face's `tokenizer.json`.

Read are byte-level BPE (GPT-2, Llama 3, Qwen, DeepSeek) and BPE with byte fallback (Llama 2,
Mistral, Phi-3, Gemma), as far as their other parts do what `Vocabulary` can say. The format is
that of https://github.com/huggingface/tokenizers, which has no other description.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..errors import UnsupportedVocabulary
from ..value import value
from .blanks import BLANK, SentencePiece, Side
from .pretokenize import DIGIT, GPT2, name_of
from .sentencepiece_model import pieces_of, steps_of
from .vocabulary import (
    END_SPELLINGS,
    LARGEST,
    Kind,
    Merges,
    Vocabulary,
    added_tokens,
    bytes_of,
    without,
)


def from_tokenizer_json(data: bytes, *, name: str = "") -> Vocabulary:
    """The vocabulary in a `tokenizer.json`. Raises `UnsupportedVocabulary`."""
    try:
        file: Any = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UnsupportedVocabulary(f"It is not JSON: {error}.") from error
    if not isinstance(file, dict) or "model" not in file:
        raise UnsupportedVocabulary("It is no tokenizer.json: it has no model.")
    try:
        return _read(file, name)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        part = f"it lacks {error}" if isinstance(error, KeyError) else "a part has another shape"
        raise UnsupportedVocabulary(f"It is not a tokenizer.json, or damaged: {part}.") from error


def _read(file: Mapping[str, Any], name: str) -> Vocabulary:
    model = file["model"]
    if model.get("type", "BPE") != "BPE":
        raise UnsupportedVocabulary(f"Its vocabulary is of the kind {model['type']}, not BPE.")
    for key in ("dropout", "continuing_subword_prefix", "end_of_word_suffix"):
        if model.get(key):
            raise UnsupportedVocabulary(f"Its BPE has a {key}.")
    tokens = _tokens(model["vocab"], file.get("added_tokens") or ())
    vocabulary = (
        _by_characters(file, tokens) if model.get("byte_fallback") else _by_bytes(file, tokens)
    )
    return replace(
        vocabulary,
        ignore_merges=bool(model.get("ignore_merges")),
        bos=_bos(file.get("post_processor"), tokens.ids),
        end_ids=frozenset(tokens.ids[end] for end in END_SPELLINGS & tokens.ids.keys()),
        swallows=tokens.swallows,
        name=name,
    )


@value
class _Tokens:
    """Every token by its id, as the file spells it."""

    spellings: tuple[str, ...]
    kinds: bytearray
    ids: Mapping[str, int]
    swallows: Mapping[str, Side]

    def vocabulary(
        self, steps: str, pieces: Sequence[bytes], merges: Merges, blank: str = " "
    ) -> Vocabulary:
        controls, blanks = added_tokens(
            [spelling.replace(blank, " ") for spelling in self.spellings], self.kinds
        )
        rest, results = without(frozenset(controls.values()), *merges)
        return Vocabulary(
            pretokenizer=steps,
            nfc=False,
            ignore_merges=False,
            pieces=tuple(pieces),
            kinds=bytes(self.kinds),
            merges=rest,
            results=results,
            controls=controls,
            blanks=blanks,
            bos=None,
            end_ids=frozenset(),
        )


def _tokens(vocab: Mapping[str, int], added: Iterable[Mapping[str, Any]]) -> _Tokens:
    ids = {str(spelling): int(id) for spelling, id in vocab.items()}
    kinds_of_added: dict[int, Kind] = {}
    swallows: dict[str, Side] = {}
    for token in added:
        spelling, id = str(token["content"]), int(token["id"])
        if token.get("single_word"):
            raise UnsupportedVocabulary(f"Its added token {spelling!r} is found as a word only.")
        ids[spelling] = id
        kinds_of_added[id] = Kind.CONTROL if token.get("special") else Kind.USER_DEFINED
        left, right = bool(token.get("lstrip")), bool(token.get("rstrip"))
        if left or right:
            swallows[spelling] = "both" if left and right else "left" if left else "right"
    if not ids or min(ids.values()) < 0 or max(ids.values()) >= LARGEST:
        raise UnsupportedVocabulary("Its ids are not those of a vocabulary.")
    if len(set(ids.values())) != len(ids):
        raise UnsupportedVocabulary("Two of its tokens have the same id.")
    spellings = [""] * (max(ids.values()) + 1)
    kinds = bytearray([Kind.UNUSED]) * len(spellings)
    for spelling, id in ids.items():
        spellings[id], kinds[id] = spelling, kinds_of_added.get(id, Kind.NORMAL)
    return _Tokens(tuple(spellings), kinds, ids, swallows)


def _merges(lines: Iterable[str | Sequence[str]], ids: Mapping[str, int]) -> Merges:
    merges, results = [], []
    for rank, line in enumerate(lines):
        left, right = line.split(" ") if isinstance(line, str) else line
        try:
            merges.append((ids[left], ids[right]))
            results.append(ids[left + right])
        except KeyError as error:
            raise UnsupportedVocabulary(
                f"Its merge {rank} needs the token {error.args[0]!r}, which it lacks."
            ) from error
    return tuple(merges), tuple(results)


def _by_bytes(file: Mapping[str, Any], tokens: _Tokens) -> Vocabulary:
    nfc = False
    for step in _flat(file.get("normalizer"), "normalizers"):
        if step["type"] != "NFC":
            raise UnsupportedVocabulary(f"It rewrites text before it encodes it ({step['type']}).")
        nfc = True
    patterns = _patterns(_flat(file.get("pre_tokenizer"), "pretokenizers"))
    pieces = [
        bytes_of(spelling) if kind == Kind.NORMAL else spelling.encode()
        for spelling, kind in zip(tokens.spellings, tokens.kinds, strict=True)
    ]
    merges = _merges(file["model"]["merges"], tokens.ids)
    return replace(tokens.vocabulary(name_of(patterns), pieces, merges), nfc=nfc)


def _patterns(steps: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The expressions of `pretokenize.Steps`. The last step makes bytes of the text."""
    patterns = []
    for step in steps:
        match step:
            case {"type": "Split", "pattern": {"Regex": str(pattern)}, "behavior": behavior}:
                # Removing what does not match: these expressions match everything.
                inverted = bool(step.get("invert"))
                if (behavior, inverted) not in (("Isolated", False), ("Removed", True)):
                    raise UnsupportedVocabulary(f"It splits text in the manner {behavior!r}.")
                patterns.append(pattern)
            case {"type": "Split", "pattern": {"String": str(text)}, "behavior": "Isolated"}:
                patterns.append(re.escape(text))
            case {"type": "Digits"}:
                patterns.append(DIGIT if step.get("individual_digits") else f"{DIGIT}+")
            case {"type": "ByteLevel"} if step is steps[-1] and not step.get("add_prefix_space"):
                return (*patterns, GPT2) if step.get("use_regex", True) else tuple(patterns)
            case _:
                raise UnsupportedVocabulary(f"Its pre-tokenizer {step['type']} is not read here.")
    raise UnsupportedVocabulary("Its BPE is neither of bytes nor falls back to them.")


def _by_characters(file: Mapping[str, Any], tokens: _Tokens) -> Vocabulary:
    kinds = tokens.kinds
    for byte in range(256):
        id = tokens.ids.get(f"<0x{byte:02X}>")
        if id is not None:
            kinds[id] = Kind.BYTE
    pieces = pieces_of(tokens.spellings, kinds)
    merges = _merges(file["model"]["merges"], tokens.ids)
    vocabulary = tokens.vocabulary(steps_of(pieces, merges[1]), pieces, merges, BLANK)
    return replace(vocabulary, sentencepiece=_rule(file))


_REPLACE = {"type": "Replace", "pattern": {"String": " "}, "content": BLANK}
_PREPEND = {"type": "Prepend", "prepend": BLANK}


def _rule(file: Mapping[str, Any]) -> SentencePiece:
    """What is done with blanks: by the normalizer (older files) or the pre-tokenizer."""
    normalizer = _flat(file.get("normalizer"), "normalizers")
    steps = _flat(file.get("pre_tokenizer"), "pretokenizers")
    if normalizer == [_PREPEND, _REPLACE] and not steps:
        return SentencePiece("always")
    if normalizer == [_REPLACE] and all(
        # Gemma's: there are no blanks left to split at.
        step["type"] == "Split" and step["pattern"] == {"String": " "}
        for step in steps
    ):
        return SentencePiece("never")
    match normalizer, steps:
        case [], [{"type": "Metaspace", "replacement": "▁", "split": False} as step]:
            scheme = step.get("prepend_scheme", "always")
            if scheme in ("always", "first", "never"):
                return SentencePiece(scheme, unless_blank=True)
    raise UnsupportedVocabulary("What it does with blanks is not read here.")


def _flat(step: Mapping[str, Any] | None, key: str) -> list[Mapping[str, Any]]:
    """A step, or the steps of a sequence of them."""
    if step is None:
        return []
    if step["type"] != "Sequence":
        return [step]
    return [inner for part in step[key] for inner in _flat(part, key)]


def _bos(processor: Mapping[str, Any] | None, ids: Mapping[str, int]) -> int | None:
    """What is put in front of every text."""
    for step in _flat(processor, "processors"):
        if step["type"] == "ByteLevel":  # changes offsets only
            continue
        if step["type"] != "TemplateProcessing":
            raise UnsupportedVocabulary(f"Its post-processor {step['type']} is not read here.")
        parts = [next(iter(part)) for part in step["single"]]
        if parts == ["Sequence"]:
            continue
        if parts != ["SpecialToken", "Sequence"]:
            raise UnsupportedVocabulary("It puts more around a text than one token in front.")
        return ids[str(step["single"][0]["SpecialToken"]["id"])]
    return None
