"""Cutting text into the pieces that byte-pair encoding never joins.

Each entry of `STEPS` is what a model family's authors configured, under the name that
llama.cpp's converter gives it (`tokenizer.ggml.pre`). A step is a regular expression; it cuts
every piece of the step before into its matches and what lies between them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import regex

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


@dataclass(frozen=True, slots=True)
class Steps:
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
    "gpt-2": Steps((GPT2,)),
    "smollm": _DIGITS_GPT2,
    "starcoder": _DIGITS_GPT2,
    "qwen2": Steps((_words(r"\p{N}"),), nfc=True),
    "llama-bpe": _LLAMA3,
    "llama3": _LLAMA3,
    "llama-v3": _LLAMA3,
    "gpt-4o": Steps((_cased("(?i:'s|'t|'re|'ve|'m|'ll|'d)?", r"\p{N}{1,3}"),)),
    "tekken": Steps((_cased("", r"\p{N}"),), ignore_merges=True, add_bos=True),
    "deepseek-v3": Steps(
        (
            r"\p{N}{1,3}",
            r"[一-龥぀-ゟ゠-ヿ]+",
            r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
            r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        )
    ),
}

# The reference libraries (tiktoken 0.14, tokenizers 0.23) know Unicode 16, `regex` knows more.
# Characters assigned since count as unassigned, so that everybody cuts alike; ʕ (U+0295), whose
# case was changed, as the lower-case letter it was.
_SINCE_UNICODE_16 = """
558 58b-58c 5c8-5c9 88f b53-b54 c5c cdc 1acf-1af0 208f 209d-209f 20c1-20c4 2b96 2e60-2e63
a7ce-a7cf a7d2 a7d4 a7dd a7e2 a7f1 ab6c-ab6d fbc3-fbd2 fd90-fd91 fdc8-fdce 107bb-107bf
10940-10959 10ec5-10ec7 10ec9-10eee 10ef0-10efb 11b0a 11b60-11b67 11db0-11ddb 11de0-11de9
11df0-11df1 1246f 12475-1247f 12550-12686 16ea0-16eb8 16ebb-16ed3 16ff2-16ff6 187f8-187ff
18cd6-18cda 18d09-18d20 18d80-18df2 18e00-19191 191a0-191d2 1b123-1b128 1b168 1ccfa-1ccfc
1ceba-1ced0 1ced2-1ced4 1cedd-1cefd 1d127-1d128 1d1eb-1d1ff 1d250-1d281 1d6a6 1db00-1db1c
1df1f-1df24 1df2b-1df81 1df90-1df96 1dfcd-1dfff 1e6c0-1e6de 1e6e0-1e6f5 1e6fe-1e6ff 1f1ae
1f6d8-1f6d9 1f777-1f77a 1f7da-1f7db 1f7f1-1f7ff 1f8d0-1f8d8 1fa54-1fa57 1fa8a-1fa8e 1fac8
1facc-1facd 1fadd 1faea-1faeb 1faef 1faf9-1fafa 1fbfa 2b73a-2b73f 2b81e 2cea2-2cead
323b0-33479 3d000-3fc3f
"""
_UNASSIGNED = "\uffff"


class Pretokenizer:
    """Cuts text by the steps of one family."""

    def __init__(self, name: str) -> None:
        self._patterns = [regex.compile(f"({pattern})") for pattern in STEPS[name].patterns]

    def split(self, text: str) -> list[str]:
        """The pieces of `text` in order; joined, they are the text."""
        if text.isascii() or not _unusual().search(text):
            return self._cut(text)
        stand_in = _unusual().sub(lambda m: "ʖ" if m[0] == "ʕ" else _UNASSIGNED, text)
        pieces, start = [], 0
        for piece in self._cut(stand_in):
            pieces.append(text[start : start + len(piece)])
            start += len(piece)
        return pieces

    def _cut(self, text: str) -> list[str]:
        pieces = [text]
        for pattern in self._patterns:
            pieces = [part for piece in pieces for part in pattern.split(piece) if part]
        return pieces


@cache
def _unusual() -> regex.Pattern[str]:
    ranges = (entry.partition("-") for entry in _SINCE_UNICODE_16.split())
    members = "".join(rf"\U{start:0>8}-\U{end or start:0>8}" for start, _, end in ranges)
    return regex.compile(f"[ʕ{members}]")
