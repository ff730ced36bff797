"""The script of a character, as far as vocabularies and languages are told apart by it."""

from __future__ import annotations

from bisect import bisect_right

# First code point of a stretch -> its script.
_STRETCHES = (
    *((0x00, "ascii"), (0x80, "symbol"), (0xC0, "accented"), (0x2B0, "symbol")),
    (0x370, "greek"),
    *((0x400, "cyrillic"), (0x530, "armenian"), (0x590, "hebrew"), (0x600, "arabic")),
    *((0x780, "symbol"), (0x900, "devanagari"), (0x980, "bengali"), (0xA00, "gurmukhi")),
    *((0xA80, "gujarati"), (0xB00, "symbol"), (0xB80, "tamil"), (0xC00, "telugu")),
    *((0xC80, "kannada"), (0xD00, "malayalam"), (0xD80, "sinhala"), (0xE00, "thai")),
    *((0xE80, "lao"), (0xF00, "symbol"), (0x1000, "burmese"), (0x10A0, "georgian")),
    *((0x1100, "hangul"), (0x1200, "ethiopic"), (0x13A0, "symbol"), (0x1780, "khmer")),
    *((0x1800, "symbol"), (0x1E00, "accented"), (0x1F00, "greek"), (0x2000, "symbol")),
    *((0x2600, "emoji"), (0x27C0, "symbol"), (0x3000, "kana"), (0x3100, "symbol")),
    *((0x3400, "han"), (0xA000, "symbol"), (0xAC00, "hangul"), (0xD7B0, "symbol")),
    *((0xF900, "han"), (0xFB00, "symbol"), (0xFF00, "kana"), (0xFFF0, "symbol")),
    *((0x1F000, "emoji"), (0x1FB00, "symbol"), (0x20000, "han"), (0x32000, "symbol")),
)
_STARTS = [start for start, _ in _STRETCHES]


def script_of(character: str) -> str:
    """The script: `ascii` and `accented` are Latin, `kana` and `han` Japanese and Chinese; `symbol`
    and `emoji` are of none."""
    return _STRETCHES[bisect_right(_STARTS, ord(character)) - 1][1]
