"""What the panels are made of: the receipt of a turn, those before it, and a name for each."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files

from ...record.receipt import Receipt
from ...value import value
from ..html.markup import asset, text


@value
class Glass:
    """The selected turn. `earlier` are the conversation's receipts before it, oldest first."""

    receipt: Receipt
    earlier: tuple[Receipt, ...] = ()


@value
class Panel:
    """One part of the glass. `html` gives a fragment: everything in it escaped, no script, nothing
    from another host. Its styles are those of `style`."""

    key: str
    title: str
    html: Callable[[Glass], str]


def framed(*parts: str) -> str:
    """The parts of a panel, below one another."""
    return f'<div class="pellucid glass">{"".join(parts)}</div>'


def lead(words: str) -> str:
    """The sentence a panel begins with; `words` are HTML."""
    return f'<p class="lead">{words}</p>'


def part(title: str, *body: str) -> str:
    """A part of a panel under a title of its own."""
    return f'<div class="part"><h4>{title}</h4>{"".join(body)}</div>'


def copied(name: str, title: str, words: str) -> str:
    """Text to take along, with the button that copies it; `name` is unique in the page."""
    return part(
        f'{title} <button type="button" class="copy" data-pellucid="copy" '
        f"""data-value='"#{name}"' aria-label="copy: {title}">copy</button>""",
        f'<pre id="{name}" tabindex="0">{text(words, mark_lines=False)}</pre>',
    )


def style() -> str:
    """The style sheet of all panels."""
    return asset("tokens.css") + own_style()


def own_style() -> str:
    """The panels' part of it, for pages that have the tokens' styles already."""
    return files(__package__).joinpath("glass.css").read_text("utf-8")


def script() -> str:
    """What moves among the tokens by keys; the panels work without it."""
    return files(__package__).joinpath("glass.js").read_text("utf-8")
