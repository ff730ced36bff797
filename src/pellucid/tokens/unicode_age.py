"""Characters younger than the Unicode version that the reference tokenizers know.

Tables of Unicode differ between Python, `regex` and the reference libraries (tiktoken 0.14,
tokenizers 0.23), and change with every release of each. Those of the references count, so that
the same text has the same ids everywhere: their regular expressions know Unicode 16, the
normalisation of `tokenizers` Unicode 9. Younger characters are to them without properties.
"""

from __future__ import annotations

import re
from bisect import bisect_right

_ASCII = bytes(range(128))
_COMMON = re.compile(
    "[\\u0080-\\u0294\\u0296-\\u02ff\\u0388-\\u0482\\u048a-\\u0556"  # Latin to Armenian
    "\\u2010-\\u205e\\u20a0-\\u20c0\\u212c-\\u2328\\u232b-\\u2adb"  # punctuation, symbols
    "\\u3000-\\u3029\\u3041-\\u3096\\u309b-\\u9fff\\uac00-\\ud7a3\\uff01-\\uff9d"  # East Asia
    "\\U0001f300-\\U0001f6d7\\U0001f900-\\U0001fa53]*"  # emoji
)


class Characters:
    """A set of characters, given as ranges of code points in hexadecimal."""

    def __init__(self, ranges: str) -> None:
        self._bounds: list[int] = []
        leads: set[int] = set()  # the first bytes of the characters in UTF-8
        for entry in ranges.split():
            first, _, last = entry.partition("-")
            low, high = int(first, 16), int(last or first, 16)
            self._bounds += (low, high + 1)
            leads.update(range(chr(low).encode()[0], chr(high).encode()[0] + 1))
        self._others = bytes(set(range(256)) - leads)

    def found_in(self, text: str) -> set[str]:
        """Those of them that are in `text`."""
        data = text.encode("utf-8", "surrogatepass").translate(None, _ASCII)
        if not data.translate(None, self._others):
            return set()  # ten times as fast as looking at every character
        found = set(data.decode("utf-8", "surrogatepass"))
        return {c for c in found if bisect_right(self._bounds, ord(c)) % 2}


def settled(text: str) -> bool:
    """Whether `text` has only ASCII and other common characters: none of them is a surrogate, is
    composed with what stands before it or otherwise changed by normalisation, or is young.
    """
    if text.isascii():
        return True
    others = text.encode("utf-8", "surrogatepass").translate(None, _ASCII)
    return _COMMON.fullmatch(others.decode("utf-8", "surrogatepass")) is not None


def uncertain(text: str) -> bool:
    """Whether libraries may cut this text in different ways: it has characters that Unicode
    changed after most of them were made."""
    return not text.isascii() and ("\u0295" in text or bool(SINCE_16.found_in(text)))


# Letters, digits, marks, ...: what regular expressions tell apart.
SINCE_16 = Characters("""
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
""")
# Combining marks, and letters that are composed of others.
SINCE_9 = Characters("""
5c8-5c9 7fd 897-89f 8ca-8d3 9fe c3c d3b-d3c eba 1715 1abf-1af0 1df6-1dfa a82c 105c9-105e4
10d24-10d27 10d69-10d6d 10eab-10eac 10ecb-10ecf 10ef0-10efb 10efd-10eff 10f46-10f50 10f82-10f85
11070 1133b 11382-11391 113b8-113c9 113ce-113d0 1145e 11839-1183a 11930-11938 1193d-1193e 11943
119e0 11a34 11a47 11a99 11d42 11d44-11d45 11d97 11f41-11f42 1611e-1612f 16d63-16d6a 16ff0-16ff1
1d127-1d128 1d250-1d252 1d25b-1d25c 1d25f 1d280-1d281 1e08f 1e130-1e136 1e2ae 1e2ec-1e2ef
1e4ec-1e4ef 1e5ee-1e5ef 1e6e3 1e6e6 1e6ee-1e6ef 1e6f5
""")
