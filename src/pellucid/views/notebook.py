"""Values that show themselves in a notebook.

The values lie below the views and know nothing of them, so the views hand them their
`_repr_html_`. `pellucid` calls `install` when one of its names is first used.
"""

from __future__ import annotations

from collections.abc import Callable

from ..prompt.values import Prompt
from ..record.receipt import Receipt
from ..replies import Reply
from ..tokens.encoding import Encoding

_METHOD = "_repr_html_"  # what IPython and Jupyter ask an object for
_FRAGMENTS: dict[type, str] = {
    Encoding: "encoding_fragment",
    Prompt: "prompt_fragment",
    Receipt: "receipt_fragment",
    Reply: "reply_fragment",
}


def install() -> None:
    """Give `Prompt`, `Encoding`, `Receipt` and `Reply` their notebook form; twice is harmless."""
    for kind, fragment in _FRAGMENTS.items():
        if not hasattr(kind, _METHOD):
            setattr(kind, _METHOD, _shown_by(fragment))


def _shown_by(fragment: str) -> Callable[[object], str]:
    def _repr_html_(self: object) -> str:
        from . import html

        return str(getattr(html, fragment)(self))

    return _repr_html_
