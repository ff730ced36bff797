"""Formulas as MathML, which browsers draw by themselves: no script, no font from anywhere.

What comes out holds elements of MathML, escaped text and a few attributes of looks, whatever the
formula asked for: `\\href`, `\\style` and the like are dropped.
"""

from __future__ import annotations

from functools import lru_cache
from html import escape, unescape
from typing import Any

LONGEST = 2_000
"""Characters of a formula; a longer one is shown as it was written."""
ATTRIBUTES = frozenset(
    (
        *("display", "mathvariant", "mathcolor", "stretchy", "fence", "form", "accent"),
        *("linethickness", "columnalign", "rowspacing", "columnspacing", "columnlines"),
        *("rowlines", "notation", "minsize", "maxsize", "lspace", "rspace", "width", "height"),
        *("depth", "scriptlevel", "displaystyle", "movablelimits", "separator", "symmetric"),
        *("largeop"),
    )
)


@lru_cache(maxsize=512)
def mathml(latex: str, display: bool) -> str | None:
    """The formula as MathML; `None` where it is not understood."""
    from latex2mathml.converter import convert_to_element

    if len(latex) > LONGEST:
        return None
    try:
        return _markup(convert_to_element(latex, display="block" if display else "inline"))
    except Exception:  # its parser fails in many ways on a formula that is not finished
        return None


def _markup(element: Any) -> str:
    name = str(element.tag)
    if not (name.startswith("m") and name.isalnum() and name.isascii()):
        return "".join(map(_markup, element))
    kept = "".join(
        f' {key}="{escape(str(content))}"'
        for key, content in element.attrib.items()
        if key in ATTRIBUTES
    )
    words = escape(unescape(element.text or ""), quote=False)
    return f"<{name}{kept}>{words}{''.join(map(_markup, element))}</{name}>"
