"""`.env` files: NAME=value lines, as python-dotenv and docker's compose read them.

`export` before a name, comments, values in single quotes (as they stand) or double quotes (with
\\n, \\t, \\", \\\\ and \\$). Nothing is put into the environment, nothing is expanded.
"""

from __future__ import annotations

import re

_LINE = re.compile(
    r"""
    [^\S\n]* (?:export[^\S\n]+)? (?P<name>[A-Za-z_][\w.-]*) [^\S\n]* = [^\S\n]*
    (?: '(?P<single>(?:\\'|[^'])*)' | "(?P<double>(?:\\.|[^"\\])*)" | (?P<bare>[^\n]*?) )
    [^\S\n]* (?:(?<=[\s'"=])\#[^\n]*)? (?:\n|\Z)
    """,
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def parse(text: str) -> dict[str, str]:
    """The variables that a file sets; the last of a name counts. Lines of another form are left
    out."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        line = _LINE.match(text, at)
        if line is None:
            at = text.find("\n", at) + 1 or len(text)
            continue
        single, double, bare = line["single"], line["double"], line["bare"]
        if single is not None:
            value = single.replace("\\'", "'")
        elif double is not None:
            value = re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), double, flags=re.DOTALL)
        else:
            value = re.sub(r"\s+#.*", "", bare or "").rstrip()
        found[line["name"]] = value
        at = line.end()
    return found
