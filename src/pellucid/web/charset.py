"""Bytes of a page -> text: by byte-order mark, header, the page's own word, or detection."""

from __future__ import annotations

import codecs
import re

from . import extra

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
    found = _DECLARED.search(body[:_LOOKED_AT])
    declared = (found[1] or found[2]).decode() if found else ""
    for name in (_meant(header), _meant(declared), "utf-8"):
        if name:
            try:
                return body.decode(name)
            except (UnicodeDecodeError, LookupError):
                continue
    best = extra.need("charset_normalizer").from_bytes(body[:200_000]).best()
    return body.decode(best.encoding if best else "utf-8", "replace")


def _meant(label: str) -> str:
    try:
        name = codecs.lookup(label).name
    except (LookupError, ValueError):  # unknown, or not even a word
        return ""
    return "" if name in _NO_CHARSETS else _MEANT.get(name, name)
