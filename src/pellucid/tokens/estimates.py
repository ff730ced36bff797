"""How many tokens a text is for models whose makers publish no tokenizer: an estimate.

The text is counted with o200k_base, the vocabulary of GPT-4o, and the count is multiplied by what
the other tokenizer was measured to use beside it, script by script.

Where the ratios come from (November 2026; `python -m benchmarks.estimates` measures them again):

claude      Opus 4.7 and later Opus models, Sonnet 5, Fable 5, Mythos: they share a tokenizer.
claude-3    Claude 3 to Opus 4.6, Sonnet 4.6 and Haiku 4.5. For both, counts of ctok 1.3.0, a
            public reconstruction that matches Anthropic's token counting endpoint on all of 501
            translations of the Universal Declaration of Human Rights and on 250 of 250 held-out
            programs. https://pypi.org/project/ctok/ Anthropic itself says that the newer
            tokenizer makes about 30% more tokens of the same text; here it is 0 to 45%, by script.
            https://platform.claude.com/docs/en/build-with-claude/token-counting
gemini      Counts of Gemma 3's vocabulary, with which Google's SDK counts for Gemini 2.0 to 3
            (later ones use Gemma 4's). https://github.com/googleapis/python-genai

Texts: that Declaration, Django's messages and the Debian Reference, in 92 languages together;
programs and web files, JSON, CSV, logs, licences, emoji and symbols: 488 texts, 3.1 million
characters, and 1,884 pieces of them of 40 to 2,400 characters. Each was judged by a fit that had
not seen its language, or kind, where its script has others: half of the long texts are off by
less than 5.9% (claude), 4.7% (claude-3) and 3.0% (gemini), nine in ten by less than 17%, 14% and
11%. `low` and `high` are wider still and hold the true count of nine in ten short texts too. For
comparison, Google's rule of four characters a token makes 2.5 times too few of Chinese text.

The frame around a message (about six tokens each for Claude) is not counted.
"""

from __future__ import annotations

import math
import re
import string
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Literal

from ..value import value
from .scripts import script_of

Family = Literal["claude", "claude-3", "gemini"]

# Script: o200k_base tokens a character, and the tokens of each family for one of o200k_base.
_RATIOS: Mapping[str, tuple[float, Mapping[Family, float]]] = {
    script: (density, {"claude": new, "claude-3": old, "gemini": gemini})
    for script, density, new, old, gemini in (
        ("english", 0.27, 1.68, 1.17, 1.04),
        ("latin", 0.33, 1.71, 1.26, 1.07),
        ("accented", 0.82, 1.27, 1.39, 0.91),
        ("digit", 0.83, 1.00, 1.05, 1.44),
        ("punctuation", 0.41, 1.44, 1.15, 1.36),
        ("symbol", 1.98, 1.59, 1.59, 1.23),
        ("emoji", 1.83, 1.35, 1.35, 0.60),
        ("arabic", 0.45, 2.04, 2.04, 1.00),
        ("armenian", 0.36, 2.20, 2.18, 1.75),
        ("bengali", 0.44, 2.48, 2.48, 0.70),
        ("burmese", 0.57, 2.03, 2.02, 0.77),
        ("cyrillic", 0.42, 1.39, 1.40, 1.06),
        ("devanagari", 0.41, 2.27, 2.28, 0.85),
        ("ethiopic", 2.02, 0.79, 0.79, 0.42),
        ("georgian", 0.36, 2.26, 2.27, 1.34),
        ("greek", 0.44, 1.86, 1.82, 1.04),
        ("gujarati", 0.42, 2.62, 2.62, 1.07),
        ("gurmukhi", 0.72, 3.62, 3.62, 1.03),
        ("han", 0.97, 1.33, 1.33, 0.88),
        ("hangul", 0.81, 1.74, 1.75, 0.97),
        ("hebrew", 0.50, 1.77, 1.78, 1.21),
        ("kana", 0.81, 0.98, 1.00, 0.55),
        ("kannada", 0.48, 4.34, 4.35, 1.01),
        ("khmer", 0.69, 1.71, 1.71, 0.78),
        ("lao", 1.89, 0.75, 0.75, 0.31),
        ("malayalam", 0.37, 3.28, 3.29, 0.88),
        ("sinhala", 0.63, 1.80, 1.80, 0.80),
        ("tamil", 0.42, 2.31, 2.31, 0.75),
        ("telugu", 0.58, 1.78, 1.79, 0.93),
        ("thai", 0.45, 2.07, 2.07, 0.81),
    )
}

# The error that nine in ten long texts stay under; a short text's is larger by 1/√tokens.
_ERROR: Mapping[Family, float] = {"claude": 0.20, "claude-3": 0.17, "gemini": 0.15}

_PLAIN = re.compile("[\0-\x7f]+")
_ASCII = {
    "latin": string.ascii_letters.encode(),
    "digit": string.digits.encode(),
    "punctuation": bytes(b for b in range(128) if not chr(b).isalnum() and not chr(b).isspace()),
}
_ENGLISH = (" the ", " of ", " and ", " to ")


@value
class Estimate:
    """A count that was not made: nine in ten true counts lie between `low` and `high`.

    `basis` says in words what it rests on.
    """

    tokens: int
    low: int
    high: int
    basis: str

    @property
    def error(self) -> float:
        """The relative error that nine in ten estimates like this one stay under."""
        return (self.high - self.tokens) / self.tokens if self.tokens else 0.0


def family_of(model: str) -> Family | None:
    """The family whose tokenizer a model has; `None` where nothing was measured.

    Claude 2 and older had another tokenizer, and are retired.
    """
    name = re.search(r"(?:^|[/:.@])(claude|gemini)\b(.*)", model.lower())
    if name is None:
        return None
    if name[1] == "gemini":
        return "gemini"
    # One or two digits are a version, eight are a date.
    version = re.search(r"(?<!\d)(\d{1,2})(?:[.-](\d{1,2}))?(?!\d)", name[2])
    if version is None:
        return None if "instant" in name[2] else "claude"
    number = (int(version[1]), int(version[2] or 0))
    if number < (3, 0):
        return None
    return "claude" if number >= (4, 7) else "claude-3"


def estimate(text: str, family: Family, count: Callable[[str], int]) -> Estimate:
    """How many tokens `text` is for a family of models, about.

    `count` counts a text under o200k_base, its control tokens' spellings taken as plain text.
    """
    ratio = _ratio(text, family)
    tokens = round(count(text) * ratio)
    if not tokens:
        return Estimate(0, 0, 0, "nothing to count")
    low, high = likely(tokens, family)
    error = _error(tokens, family)
    basis = f"o200k_base tokens × {ratio:.2f} for its scripts; nine in ten within {error:.0%}"
    return Estimate(tokens, low, high, basis)


def likely(tokens: int, family: Family) -> tuple[int, int]:
    """Between which counts nine in ten true ones lie, where `tokens` were estimated."""
    if not tokens:
        return 0, 0
    error = _error(tokens, family)
    return max(1, math.floor(tokens * (1 - error))), math.ceil(tokens * (1 + error))


def _error(tokens: int, family: Family) -> float:
    return math.sqrt(_ERROR[family] ** 2 + 1 / tokens)


def _ratio(text: str, family: Family) -> float:
    """The family's tokens for one of o200k_base, weighted by what each script contributes."""
    ours = theirs = 0.0
    for script, characters in scripts(text).items():
        density, ratios = _RATIOS[script]
        ours += characters * density
        theirs += characters * density * ratios[family]
    return theirs / ours if ours else 1.0


def scripts(text: str) -> Counter[str]:
    """Characters by script; ASCII letters are `english` where its commonest words are seen.

    Blanks are left out: they are mostly part of the next word's token.
    """
    plain = text.encode("ascii", "ignore")
    found = Counter({script: _times(plain, letters) for script, letters in _ASCII.items()})
    if not text.isascii():
        for character, times in Counter(_PLAIN.sub("", text)).items():
            if not character.isspace():
                found[script_of(character)] += times
    if found["latin"] and _is_english(text):
        found["english"] = found.pop("latin")
    return +found


def _times(text: bytes, characters: bytes) -> int:
    """How many bytes of `text` are among `characters`; at the speed of memory."""
    return len(text) - len(text.translate(None, characters))


def _is_english(text: str) -> bool:
    seen = sum(text.count(word) for word in _ENGLISH)
    return seen > 0.05 * text.count(" ")
