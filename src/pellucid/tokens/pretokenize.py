"""Cutting text into the pieces that byte-pair encoding never joins.

Each entry of `STEPS` is what a model family's authors configured, under the name that
llama.cpp's converter gives it (`tokenizer.ggml.pre`). A step is a regular expression; it cuts
every piece of the step before into its matches and what lies between them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

import regex

from ..errors import UnsupportedVocabulary
from .unicode_age import SINCE_16

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
DIGIT = r"\p{N}"


def _words(digits: str) -> str:
    """The expression of cl100k_base and of those that follow it: they differ in the digits."""
    return (
        rf"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|{digits}"
        r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    )


def _cased(end: str, digits: str) -> str:
    """The expression of o200k_base and of Mistral's: words end where lower case ends."""
    upper, lower = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
    return (
        rf"[^\r\n\p{{L}}\p{{N}}]?{upper}*{lower}+{end}|[^\r\n\p{{L}}\p{{N}}]?{upper}+{lower}*{end}"
        rf"|{digits}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    )


class Steps(NamedTuple):
    """How a family prepares text, and what its files leave unsaid.

    `nfc` says that text is normalised first; `ignore_merges` that a piece which is itself a token
    becomes it whatever the merges say; `add_bos` is the default where a file does not say whether
    a BOS is put in front.
    """

    patterns: tuple[str, ...]
    nfc: bool = False
    ignore_merges: bool = False
    add_bos: bool = False


_LLAMA3 = Steps((_words(r"\p{N}{1,3}"),), ignore_merges=True, add_bos=True)
_DIGITS_GPT2 = Steps((DIGIT, GPT2))

STEPS = {
    "cl100k": Steps((_words(r"\p{N}{1,3}"),)),
    "gpt-2": Steps((GPT2,)),
    "smollm": _DIGITS_GPT2,
    "starcoder": _DIGITS_GPT2,
    "qwen2": Steps((_words(r"\p{N}"),), nfc=True),
    "llama-bpe": _LLAMA3,
    "llama3": _LLAMA3,
    "llama-v3": _LLAMA3,
    "gpt-4o": Steps((_cased("(?i:'s|'t|'re|'ve|'m|'ll|'d)?", r"\p{N}{1,3}"),)),
    "sentencepiece": Steps((" +[^ ]*",)),
    "sentencepiece-whole": Steps(()),
    "tekken": Steps((_cased("", r"\p{N}"),), ignore_merges=True, add_bos=True),
    "deepseek-v3": Steps(
        (
            r"\p{N}{1,3}",
            r"[一-龥぀-ゟ゠-ヿ]+",
            r'[!"#$%&'
            r"'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
            r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        )
    ),
}

_UNASSIGNED = 0xFFFF
_CUSTOM = "expressions "


def name_of(patterns: tuple[str, ...]) -> str:
    """The name of the steps with these expressions: a key of `STEPS`, or one that spells them.

    Raises `UnsupportedVocabulary` for an expression that is none here.
    """
    patterns = tuple(p.replace("\r", r"\r").replace("\n", r"\n") for p in patterns)
    for name, steps in STEPS.items():
        if steps.patterns == patterns:
            return name
    for pattern in patterns:
        try:
            groups = regex.compile(pattern).groups
        except regex.error as error:
            raise UnsupportedVocabulary(
                f"Its expression {pattern!r} is not understood here: {error}."
            ) from error
        if groups:  # splitting would repeat what they capture
            raise UnsupportedVocabulary(f"Its expression {pattern!r} has groups.")
    return _CUSTOM + json.dumps(patterns)


def _patterns(name: str) -> Sequence[str]:
    if name.startswith(_CUSTOM):
        patterns: list[str] = json.loads(name.removeprefix(_CUSTOM))
        return patterns
    return STEPS[name].patterns


class Pretokenizer:
    """Cuts text by the steps of one family."""

    def __init__(self, name: str) -> None:
        self._patterns = [regex.compile(f"({pattern})") for pattern in _patterns(name)]

    def split(self, text: str) -> list[str]:
        """The pieces of `text` in order; joined, they are the text."""
        if text.isascii():
            return self._cut(text)
        known = text.replace("\u0295", "\u0296")  # a lower-case letter in Unicode 16, none since
        if young := SINCE_16.found_in(text):
            known = known.translate(dict.fromkeys(map(ord, young), _UNASSIGNED))
        pieces = self._cut(known)
        if known == text:
            return pieces
        ends = list(accumulate(map(len, pieces), initial=0))
        return [text[start:end] for start, end in pairwise(ends)]

    def _cut(self, text: str) -> list[str]:
        pieces = [text]
        for pattern in self._patterns:
            pieces = [part for piece in pieces for part in pattern.split(piece) if part]
        return pieces
