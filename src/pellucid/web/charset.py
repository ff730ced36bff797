"""Bytes of a page -> text: by byte-order mark, header, the page's own word, or detection."""

from __future__ import annotations

import codecs
import re

from ..engine import extra

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARED = re.compile(
    rb"""<meta[^>]+charset\s*=\s*["']?\s*([\w.:-]+)|^\s*<\?xml[^>]+encoding\s*=\s*["']([\w.:-]+)""",
    re.I,
)
_LOOKED_AT = 4096
# What Python reads, but no page is written in: some make lone surrogates, or fail in their own way.
_NO_CHARSETS = {"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "utf-7"}
# Where a character has other bytes than in ASCII: no page is written so without saying it, and any
# bytes at all could be taken for it.
_NOT_GUESSED = [
    *("utf_7", "utf_16", "utf_16_be", "utf_16_le", "utf_32", "utf_32_be", "utf_32_le"),
    *("cp037", "cp273", "cp424", "cp500", "cp875", "cp1026", "cp1140"),
]
_MAGIC = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF87a", "a GIF image"),
    (b"GIF89a", "a GIF image"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "packed data"),
)
# Some texts have tabulators, form feeds, backspaces, or the escapes of a terminal.
_CONTROL = re.compile(r"[\x00-\x07\x0e-\x1a\x1c-\x1f]")
_REPLACED = re.compile(r"[\x7f-\x9f\ufffd]")
# What browsers take these labels for: https://encoding.spec.whatwg.org/#names-and-labels
_MEANT = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "utf-16": "utf-8",  # a page that could say so in ASCII is not in UTF-16
}


def decode(body: bytes, header: str = "") -> str:
    """The text of a page. `header` is the charset the server named.

    A name that is not known, or is wrong, gives way to the next source; what no charset explains
    becomes replacement characters.
    """
    for mark, name in _BOMS:
        if body.startswith(mark):
            return body.decode(name, "replace")
    if name := _pairs(body[:_LOOKED_AT]):
        return body.decode(name, "replace")
    found = _DECLARED.search(body[:_LOOKED_AT])
    declared = (found[1] or found[2]).decode() if found else ""
    for name in (_meant(header), _meant(declared), "utf-8"):
        if name:
            try:
                return body.decode(name)
            except (UnicodeDecodeError, LookupError):
                continue
    normalizer = extra.need("web", "charset_normalizer")
    best = normalizer.from_bytes(body[:200_000], cp_exclusion=_NOT_GUESSED).best()
    return body.decode(best.encoding if best else "utf-8", "replace")


def data_in(body: bytes, text: str) -> str:
    """What bytes are that are no text, though they were decoded as `text`; empty for a text.

    A few flaws make no data of it: it is data where 3% of it are control characters, or 10% are
    characters that nothing explains.
    """
    for magic, what in _MAGIC:
        if body.startswith(magic):
            return what
    looked = text[:_LOOKED_AT]
    controls, replaced = len(_CONTROL.findall(looked)), len(_REPLACED.findall(looked))
    few = max(3, 0.03 * len(looked)), max(3, 0.1 * len(looked))
    return "data" if controls > few[0] or replaced > few[1] else ""


def _pairs(start: bytes) -> str:
    """UTF-16 without its mark: most characters have a zero byte, all at the same end."""
    high, low = start[::2].count(0), start[1::2].count(0)
    if max(high, low) < 0.4 * len(start) or high * low:
        return ""
    return "utf-16-be" if high else "utf-16-le"


def _meant(label: str) -> str:
    try:
        name = codecs.lookup(label).name
    except (LookupError, ValueError):  # unknown, or not even a word
        return ""
    return "" if name in _NO_CHARSETS else _MEANT.get(name, name)
