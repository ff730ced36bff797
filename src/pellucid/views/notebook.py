"""Values that show themselves in a notebook.

The values lie below the views and know nothing of them, so the views hand them their
`_repr_html_`. `pellucid` calls `install` when one of its names is first used.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable

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
    if "pellucid.speech.speaking" in sys.modules:
        from ..speech.speaking import Speech

        setattr(Speech, _METHOD, _shown_by("speech_fragment"))
    if "pellucid.pictures.picture" in sys.modules:
        from ..pictures.picture import Picture

        setattr(Picture, _METHOD, _shown_by("picture_fragment"))
    if "pellucid.web.api" in sys.modules:
        _install_web()


def _install_web() -> None:
    """The same for what is made of pages; while it is being written it is shown as it grows."""
    from ..web import api
    from ..web.brochures import Brochure
    from ..web.summary import Summary

    fragments = {Summary: "summary_fragment", Brochure: "brochure_fragment"}
    for kind, fragment in fragments.items():
        setattr(kind, _METHOD, _shown_by(fragment))
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is not None and hasattr(shell, "kernel"):
        api.follow = _follow


def _follow(pieces: Iterable[str]) -> None:
    """Show Markdown while it is written; at the end the cell shows the finished object."""
    from importlib import import_module

    from . import html

    ipython = import_module("IPython.display")
    handle = ipython.display(ipython.HTML(""), display_id=True)
    text = ""
    for piece in pieces:
        text += piece
        handle.update(ipython.HTML(html.live_fragment(text)))
    handle.update(ipython.HTML(""))


def _shown_by(fragment: str) -> Callable[[object], str]:
    def _repr_html_(self: object) -> str:
        from . import html

        return str(getattr(html, fragment)(self))

    return _repr_html_
