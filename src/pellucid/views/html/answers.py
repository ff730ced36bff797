"""What a model wrote, as HTML: Markdown with tables, code to copy, and formulas.

None of it is the model's HTML: that is shown as text. Pictures are shown as links, since a picture
of another host would tell that host who reads what.
"""

from __future__ import annotations

import json
import re
from functools import cache
from html import escape
from typing import Any

from .maths import mathml

_FORMULAS = (
    (re.compile(r"\$\$(.+?)\$\$", re.DOTALL), True),
    (re.compile(r"\\\[(.+?)\\\]", re.DOTALL), True),
    (re.compile(r"\\\((.+?)\\\)", re.DOTALL), False),
    # Not money: no blank inside the dollars, and no digit after the second.
    (re.compile(r"\$(?![\s$])([^$\n]*?[^\s$\\])\$(?!\d)"), False),
)


def answer(source: str) -> str:
    """The HTML of a model's Markdown."""
    html: str = _parser().render(source)
    return html.replace("<a href=", '<a rel="noopener noreferrer" target="_blank" href=')


@cache
def _parser() -> Any:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False, "breaks": True})
    parser.enable(["table", "strikethrough"])
    parser.disable(["html_block", "html_inline"])
    parser.validateLink = lambda url: url.startswith(("http://", "https://"))  # type: ignore[method-assign]
    parser.inline.ruler.before("escape", "formula", _formula)
    parser.add_render_rule("formula", _show_formula)
    parser.add_render_rule("image", _show_image)
    parser.add_render_rule("fence", _show_code)
    parser.add_render_rule("code_block", _show_code)
    return parser


def _formula(state: Any, silent: bool) -> bool:
    if state.src[state.pos] not in "$\\":
        return False
    for pattern, display in _FORMULAS:
        found = pattern.match(state.src, state.pos, state.posMax)
        if found is None:
            continue
        if not silent:
            token = state.push("formula", "math", 0)
            token.content, token.markup, token.meta = found[1], found[0], {"display": display}
        state.pos = found.end()
        return True
    return False


def _show_formula(_: Any, tokens: Any, index: int, *__: Any) -> str:
    token = tokens[index]
    drawn = mathml(token.content.strip(), token.meta["display"])
    if drawn is None:
        return f"<code>{escape(token.markup)}</code>"
    return drawn


def _show_image(_: Any, tokens: Any, index: int, *__: Any) -> str:
    """A link: nothing is loaded before somebody clicks."""
    token = tokens[index]
    address = escape(str(token.attrs.get("src", "")))
    return f'<a href="{address}">picture: {escape(token.content) or address}</a>'


def _show_code(_: Any, tokens: Any, index: int, *__: Any) -> str:
    token = tokens[index]
    language = escape(token.info.split(maxsplit=1)[0]) if token.info.strip() else ""
    copy = (
        '<button type="button" data-pellucid="copy-code" aria-label="copy this code" '
        f'title="copy this code" data-value="{escape(json.dumps(None))}">copy</button>'
    )
    return (
        f'<div class="code"><div class="code-head"><span>{language}</span>{copy}</div>'
        f'<pre tabindex="0"><code>{escape(token.content)}</code></pre></div>'
    )
